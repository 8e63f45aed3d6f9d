"""Who may do what: one table a service, from a route or an RPC to the roles that may call it.

A table is the whole truth about its service: what it does not list is denied to everybody, and a test keeps
each table equal to what the service really serves. Add the line here in the change that adds the route.
"""

from colonnade.security.access.table import PUBLIC, Table, allowed, check, open_to

__all__ = ["PUBLIC", "Table", "allowed", "check", "open_to"]
