"""Finds memories by their words and by their meaning at once."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from colonnade.errors import ColonnadeError, InvalidArgument
from colonnade.memory import metrics
from colonnade.memory.domain.ids import utc_now
from colonnade.memory.domain.memories import MAX_SESSION_BYTES
from colonnade.memory.domain.scope import Scope
from colonnade.memory.domain.search import Filter, Found, Hit, Near, fused
from colonnade.memory.ports import Clock, MemoryStore, Reranker, VectorIndex
from colonnade.memory.service.at_once import AtOnce
from colonnade.memory.service.callers import in_order, scope_of
from colonnade.memory.service.uses import Uses
from colonnade.security.identity import Principal
from colonnade.security.inputs import check_count, check_text
from colonnade.telemetry import get_logger

HITS, MAX_HITS = 5, 50
MAX_QUERY_BYTES = 64 * 1024
MAX_DOCUMENTS = 100
VECTORS, RERANK = "vectors", "rerank"
EVERYTHING = Filter()
_RERANKED = 20
_LEAST_CANDIDATES = 50
_LOG = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    limit: int = 0
    """0: five."""
    wanted: Filter = EVERYTHING
    rerank: bool = False


class Searching:
    def __init__(
        self,
        store: MemoryStore,
        vectors: VectorIndex,
        at_once: AtOnce,
        reranker: Reranker,
        uses: Uses,
        *,
        rerank_seconds: float = 10.0,
        least_cosine: float = 0.2,
        clock: Clock = utc_now,
    ) -> None:
        self._store, self._vectors, self._at_once = store, vectors, at_once
        self._reranker, self._rerank_seconds = reranker, rerank_seconds
        self._least_cosine = least_cosine
        self._uses, self._clock = uses, clock

    async def search(self, question: Question, principal: Principal) -> Found:
        """The best first. What took no part is named in ``without``: a search goes on without it."""
        check_text(question.text, "query", MAX_QUERY_BYTES)
        check_filter(question.wanted)
        with metrics.SECONDS.labels("search").time():
            return await self.found(scope_of(principal), question)

    async def found(self, scope: Scope, question: Question, *, but: Collection[str] = ()) -> Found:
        """Of what may be seen from ``scope``, without the ids in ``but``. Counts a use of each."""
        limit = _limit(question.limit)
        scopes = (scope,) if question.wanted.own else scope.seen
        candidates = max(_LEAST_CANDIDATES, 2 * limit) + len(but)
        by_words, near = await asyncio.gather(
            self._store.by_words(scopes, question.text, question.wanted, candidates),
            self._near(scopes, question, candidates),
        )
        without = [] if near is not None else [VECTORS]
        ids = [each.id for each in by_words] + [each.id for each in near or ()]
        memories = await self._store.find(scopes, list(dict.fromkeys(ids)))
        now = self._clock()
        hits = [hit for hit in fused(by_words, near or (), memories, now) if hit.memory.id not in but]
        if question.rerank and hits:
            reranked = await self._reranked(question.text, hits)
            without += [] if reranked else [RERANK]
            hits = reranked or hits
        hits = hits[:limit]
        self._uses.count([(hit.memory.scope, hit.memory.id) for hit in hits], now)
        for part in without:
            metrics.WITHOUT.labels(part).inc()
        return Found(tuple(hits), tuple(without))

    async def _near(self, scopes: Sequence[Scope], question: Question, limit: int) -> Sequence[Near] | None:
        """None where nobody embeds the question, or vectors cannot be asked."""
        embedded = await self._at_once([question.text])
        if embedded is None:
            return None
        try:
            vector = embedded.vectors[0]
            near = await self._vectors.nearest(scopes, embedded.model, vector, question.wanted, limit)
        except ColonnadeError as error:
            _LOG.warning("searched without vectors", reason=error.message)
            return None
        return [each for each in near if each.cosine >= self._least_cosine]

    async def _reranked(self, question: str, hits: Sequence[Hit]) -> list[Hit] | None:
        """The best of them in a new order, the others behind; None where nobody judges now."""
        best = hits[:_RERANKED]
        try:
            async with asyncio.timeout(self._rerank_seconds):
                likely = await self._reranker.likelihoods(question, [hit.memory.text for hit in best])
        except TimeoutError:
            _LOG.warning("not reranked", reason=f"not within {self._rerank_seconds:g} s")
            return None
        except ColonnadeError as error:
            _LOG.warning("not reranked", reason=error.message)
            return None
        judged = [
            replace(hit, why=replace(hit.why, reranked=found))
            for hit, found in zip(best, likely, strict=True)
        ]
        judged.sort(
            key=lambda hit: -(hit.why.reranked or 0.0)
        )  # stable: of equals, the better before stays so
        return [*judged, *hits[_RERANKED:]]


def check_filter(wanted: Filter) -> None:
    check_text(wanted.session, "session", MAX_SESSION_BYTES, allow_empty=True, controls="line")
    check_count(len(wanted.documents), MAX_DOCUMENTS, "documents")
    for each in wanted.documents:
        check_text(each, "documents", MAX_SESSION_BYTES, controls="line")
    in_order(wanted.since, wanted.until)


def _limit(limit: int) -> int:
    if not 0 <= limit <= MAX_HITS:
        raise InvalidArgument(f"limit must be 0 to {MAX_HITS}", field="limit", limit=MAX_HITS)
    return limit or HITS
