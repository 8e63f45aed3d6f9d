"""What whoever signed in may do, in the gateway's words, and which role it takes where they may not."""

from collections.abc import Iterable

from colonnade.client import Identity
from colonnade.security.access.gateway import ROUTES
from colonnade.security.access.roles import PEOPLE
from colonnade.security.identity import HOME_TENANT


def why_not(who: Identity, route: str, act: str) -> str:
    """Why ``who`` may not call ``route`` (``POST /rollouts``), in which ``act`` consists; empty: it may."""
    if route in who.may:
        return ""
    needed = _listed(sorted(ROUTES[route] & PEOPLE), " or ")
    return f"{act} takes the role {needed}; you have {_listed(who.roles)}."


def foreign(who: Identity, tenant: str) -> str:
    """Why ``who`` may not change what belongs to ``tenant``; empty: they may, as far as their roles go."""
    if who.tenant in (tenant, HOME_TENANT):
        return ""
    return f"It belongs to the tenant {tenant}; its people alone change it, and you are of {who.tenant}."


def facts_of(who: Identity) -> list[tuple[str, str]]:
    """As whom one is signed in."""
    return [
        ("Tenant", who.tenant),
        ("Subject", who.subject),
        ("Roles", _listed(who.roles)),
        ("Key", who.key or "none is asked for"),
    ]


def _listed(roles: Iterable[str], between: str = ", ") -> str:
    return between.join(role.replace("_", " ") for role in roles) or "none"
