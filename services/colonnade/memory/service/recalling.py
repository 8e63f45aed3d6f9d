"""What a prompt should know: what was said last, and what is found for the question."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile

from colonnade.errors import InvalidArgument
from colonnade.memory import metrics
from colonnade.memory.domain.memories import MAX_SESSION_BYTES, Kind, Memory
from colonnade.memory.domain.scope import Scope
from colonnade.memory.domain.search import Filter, Found, Hit
from colonnade.memory.domain.sessions import Working
from colonnade.memory.ports import MemoryStore
from colonnade.memory.service.callers import scope_of
from colonnade.memory.service.searching import EVERYTHING, MAX_QUERY_BYTES, Question, Searching, check_filter
from colonnade.security.identity import Principal
from colonnade.security.inputs import check_text

TURNS, MAX_TURNS = 20, 100
CHARACTERS = 24_000


@dataclass(frozen=True, slots=True)
class Recall:
    query: str
    """Empty: nothing is looked for."""
    session: str = ""
    """Empty: no turns."""
    limit: int = 0
    turns: int = 0
    """0: twenty."""
    wanted: Filter = EVERYTHING


@dataclass(frozen=True, slots=True)
class Recalled:
    working: Working
    hits: tuple[Hit, ...]
    without: tuple[str, ...] = ()


class Recalling:
    def __init__(self, store: MemoryStore, searching: Searching, *, characters: int = CHARACTERS) -> None:
        """``characters`` bounds all texts of an answer together; turns get half of them at most."""
        self._store, self._searching, self._characters = store, searching, characters

    async def recall(self, asked: Recall, principal: Principal) -> Recalled:
        check_text(asked.query, "query", MAX_QUERY_BYTES, allow_empty=True)
        check_text(asked.session, "session", MAX_SESSION_BYTES, allow_empty=True, controls="line")
        if not 0 <= asked.turns <= MAX_TURNS:
            raise InvalidArgument(f"turns must be 0 to {MAX_TURNS}", field="turns", limit=MAX_TURNS)
        check_filter(asked.wanted)
        scope = scope_of(principal)
        with metrics.SECONDS.labels("recall").time():
            working = await self._working(scope, asked) if asked.session else Working("", ())
            found = await self._found(scope, asked, working) if asked.query.strip() else Found(())
        room = self._characters - len(working.summary) - sum(len(turn.text) for turn in working.turns)
        kept = _that_fit([hit.memory for hit in found.hits], room)
        return Recalled(working, found.hits[:kept], found.without)

    async def _working(self, scope: Scope, asked: Recall) -> Working:
        """The latest turns, oldest first, and what those before them come to."""
        wanted = Filter(kinds=frozenset({Kind.TURN}), session=asked.session, own=True)
        newest = await self._store.page([scope], wanted, before="", limit=asked.turns or TURNS)
        session = await self._store.session(scope, asked.session)
        kept = _that_fit(newest, self._characters // 2)
        return Working(session.summary if session else "", tuple(reversed(newest[:kept])))

    async def _found(self, scope: Scope, asked: Recall, working: Working) -> Found:
        given = frozenset(turn.id for turn in working.turns)
        question = Question(asked.query, asked.limit, asked.wanted)
        return await self._searching.found(scope, question, but=given)


def _that_fit(memories: Sequence[Memory], characters: int) -> int:
    """How many of the first have no more characters together."""
    lengths = accumulate(len(memory.text) for memory in memories)
    return sum(1 for _ in takewhile(lambda total: total <= characters, lengths))
