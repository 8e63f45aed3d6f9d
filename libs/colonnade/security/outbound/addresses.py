"""From a name to addresses that may be connected to: resolved once, and every one of them checked."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence

from colonnade.errors import PermissionDenied, Unavailable
from colonnade.security.outbound.allowed import Place

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# What is_global may let pass: relays and translators to IPv4, site-local addresses, those of protocols.
_RELAYS = (
    "192.0.0.0/24", "192.88.99.0/24", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "fec0::/10",
)  # fmt: skip
# Where clouds tell a machine its credentials: in ranges that are public, or that an entry may open.
_METADATA = ("168.63.129.16", "100.100.100.200", "fd00:ec2::254")
_NEVER = [ipaddress.ip_network(text) for text in (*_RELAYS, *_METADATA)]
_SHARED = ipaddress.ip_network("100.64.0.0/10")  # neither private nor global


async def resolved(host: str, port: int) -> Sequence[str]:
    """What the system's resolver says, each address once."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def checked_addresses(place: Place, resolve: Resolve = resolved, field: str = "url") -> list[str]:
    """The addresses of a place. One that may not be reached refuses them all."""
    try:
        ipaddress.ip_address(place.address)
        named: Sequence[str] = [place.address]
    except ValueError:
        named = await _looked_up(place, resolve)
    for text in named:
        if not _reachable(ipaddress.ip_address(text), private=place.private):
            raise PermissionDenied(
                f"{place.host} leads to an address that is not public; "
                f"where that is meant, an operator allows it as {place.scheme}+private://{place.authority}",
                field=field,
            )
    return list(named)


async def _looked_up(place: Place, resolve: Resolve) -> Sequence[str]:
    try:
        found = await resolve(place.host, place.port)
    except (OSError, UnicodeError) as error:
        raise Unavailable(f"the name {place.host} cannot be resolved") from error
    if not found:
        raise Unavailable(f"the name {place.host} has no address")
    return found


def _reachable(address: _Address, *, private: bool) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped or address.teredo):
        return False
    if any(address in network for network in _NEVER if network.version == address.version):
        return False
    if address.is_multicast or address.is_unspecified or address.is_link_local:
        return False
    if private and (address.is_loopback or address in _SHARED):
        return True
    return not address.is_reserved and (address.is_global or (private and address.is_private))
