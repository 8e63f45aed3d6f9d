"""Requests that a service makes to places that users name, and what keeps them from going anywhere else.

Only what the operator allowed is reachable. A name is resolved once, its addresses are checked, and the
connection goes to an address that was checked. No redirects, no proxies, no credentials in URLs; answers are
bounded in bytes and in time and are never decompressed.
"""

from colonnade.security.outbound.addresses import Resolve, resolved
from colonnade.security.outbound.allowed import Allowed, Place
from colonnade.security.outbound.requests import Download, Outbound, Reply

__all__ = ["Allowed", "Download", "Outbound", "Place", "Reply", "Resolve", "resolved"]
