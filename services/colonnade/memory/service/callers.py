"""Who asks: where theirs is kept, and what they may do with what their tenant shares."""

from datetime import datetime

from colonnade.errors import InvalidArgument, NotFound, PermissionDenied, TooLarge
from colonnade.memory.domain.scope import Scope
from colonnade.security.access.roles import SHARE_MEMORIES
from colonnade.security.identity import Principal
from colonnade.security.inputs import check_text
from colonnade.security.inputs.catalogue import MAX_PAGE_SIZE

PAGE_SIZE = 50
_TOKEN_BYTES = 256


def scope_of(principal: Principal) -> Scope:
    """``InvalidArgument`` where nobody in particular asks: what has no subject is everybody's."""
    if not principal.subject:
        raise InvalidArgument("whose memories these are is not said; the call needs a subject", field="user")
    return Scope(principal.tenant, principal.subject)


def check_may_share(principal: Principal) -> None:
    if not principal.has_any(SHARE_MEMORIES):
        needed = ", ".join(sorted(SHARE_MEMORIES))
        raise PermissionDenied(
            f"what the whole tenant sees is changed by {needed} alone; leave out shared, or use such a key",
            field="shared",
        )


def check_room(held: int, more: int, most: int) -> None:
    """``TooLarge`` where a subject would have more memories than they may."""
    if held + more > most:
        raise TooLarge(
            f"{held} memories are kept already, pieces of documents among them, and {more} more would be "
            f"over {most} (COLONNADE_MEMORY_MEMORIES); forget some, or delete documents",
            field="text",
            limit=most,
        )


def check_id(value: str, field: str = "id") -> str:
    return check_text(value, field, _TOKEN_BYTES, controls="line")


def page_of(limit: int, page: str) -> int:
    """How many to show. ``InvalidArgument``."""
    if not 0 <= limit <= MAX_PAGE_SIZE:
        raise InvalidArgument(f"limit must be 0 to {MAX_PAGE_SIZE}", field="limit", limit=MAX_PAGE_SIZE)
    check_text(page, "page", _TOKEN_BYTES, allow_empty=True, controls="line")
    return limit or PAGE_SIZE


def unknown(what: str, id_: str) -> NotFound:
    return NotFound(f"there is no {what} {id_}", field="id")


def in_order(since: datetime | None, until: datetime | None) -> None:
    """``InvalidArgument`` for a stretch of time that ends before it begins."""
    if since and until and until < since:
        raise InvalidArgument("until must not be before since", field="until")
