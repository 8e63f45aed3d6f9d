"""MLflow's clients take a whole search at once, and the catalogue gives pages."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from colonnade.gateway.domain.catalogue import Search
from colonnade.security.inputs.catalogue import MAX_PAGE_SIZE

_Record = TypeVar("_Record")
MOST = 10_000
"""In one answer; with what there is beyond it comes a token."""


async def gathered(
    page: Callable[[Search], Awaitable[tuple[Sequence[_Record], str]]], search: Search, most: int
) -> tuple[list[_Record], str]:
    """Up to so many records, and the token of what follows; empty where nothing does."""
    found, token, wanted = list[_Record](), search.page_token, min(most, MOST)
    while True:
        size = min(MAX_PAGE_SIZE, wanted - len(found))
        records, token = await page(Search(search.filter, search.order_by, size, token))
        found += records
        if not token or len(found) >= wanted:
            return found, token
