"""The shape of an access table and the one question that is put to it."""

from collections.abc import Mapping
from typing import Final, TypeAlias

from colonnade.errors import PermissionDenied, Unauthenticated
from colonnade.security.identity import Principal, Role

Table: TypeAlias = Mapping[str, frozenset[Role]]


class _Public(frozenset[Role]):
    """Told apart by what it is, not by what is in it: a table that lists every role still asks who calls."""

    def __repr__(self) -> str:
        return "PUBLIC"


PUBLIC: Final[frozenset[Role]] = _Public(Role)
"""Every caller, even one without an identity. For health, version and documentation."""


def allowed(table: Table, key: str, principal: Principal | None) -> bool:
    """Whether ``principal`` (None: nobody we know) may call ``key``. What is not listed is denied."""
    roles = table.get(key)
    if roles is None:
        return False
    if isinstance(roles, _Public):
        return True
    return principal is not None and principal.has_any(roles)


def open_to(table: Table, principal: Principal) -> list[str]:
    """Every key of the table that ``principal`` may call, sorted."""
    return sorted(key for key in table if allowed(table, key, principal))


def check(table: Table, key: str, principal: Principal | None) -> None:
    """Raises ``Unauthenticated`` or ``PermissionDenied`` where ``allowed`` says no."""
    if allowed(table, key, principal):
        return
    if principal is None:
        raise Unauthenticated("this call needs an identity; send `Authorization: Bearer <key>`")
    needed = sorted(table.get(key, frozenset()))
    remedy = f"it takes one of {', '.join(needed)}" if needed else "nobody may"
    raise PermissionDenied(f"none of your roles may call {key}; {remedy}", roles=needed)
