"""What was accepted, as pairs of answers to learn from."""

from collections.abc import AsyncIterator, Sequence

from colonnade.ethics.feedback.collecting import page_of
from colonnade.ethics.feedback.feedback import Feedback, Kind, Pair, key_of, pair_of, thumbs_pair
from colonnade.ethics.feedback.ports import FeedbackStore

_AT_ONCE = 200


class Pairs:
    """Corrections and preferences are pairs; a thumb up is one with the first thumb down that its
    prompt got for another answer."""

    def __init__(self, store: FeedbackStore) -> None:
        self._store = store

    async def page(self, tenant: str, *, limit: int = 0, page: str = "") -> tuple[Sequence[Pair], str]:
        """Those of ``limit`` pieces of feedback, oldest first, and the token of the next page."""
        size, after = page_of(limit, page)
        found = await self._store.accepted(tenant, after=after, limit=size + 1)
        following = found[size - 1].id if len(found) > size else ""
        return await self._made(tenant, found[:size]), following

    async def all(self, tenant: str) -> AsyncIterator[Pair]:
        page = ""
        while True:
            found, page = await self.page(tenant, limit=_AT_ONCE, page=page)
            for pair in found:
                yield pair
            if not page:
                return

    async def _made(self, tenant: str, found: Sequence[Feedback]) -> list[Pair]:
        liked = {key_of(each.given.prompt) for each in found if each.given.kind is Kind.THUMB}
        disliked = await self._store.disliked(tenant, sorted(liked)) if liked else {}
        pairs = []
        for each in found:
            if each.given.kind is not Kind.THUMB:
                pairs.append(pair_of(each))
                continue
            downs = disliked.get(key_of(each.given.prompt), ())
            pairs.append(next(filter(None, (thumbs_pair(each, down) for down in downs)), None))
        return [pair for pair in pairs if pair is not None]
