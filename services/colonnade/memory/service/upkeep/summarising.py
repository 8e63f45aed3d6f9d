"""Sums up what was said in long sessions before their latest turns, and again as they go on."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from colonnade.memory import metrics
from colonnade.memory.domain.memories import Kind, Memory
from colonnade.memory.domain.scope import Scope
from colonnade.memory.domain.search import Filter
from colonnade.memory.domain.sessions import Session
from colonnade.memory.ports import MemoryStore, Writer
from colonnade.memory.service.upkeep.rounds import Rounds

TURNS, LATEST = 40, 20
CHARACTERS = 1000
_PAGE = 200
_MOST_TURNS = 1000
"""Of a summary; of what is older nothing is left but the summary before."""


class Summarising:
    def __init__(
        self,
        store: MemoryStore,
        writer: Writer,
        acting: Callable[[str], AbstractContextManager[object]],
        *,
        turns: int = TURNS,
        latest: int = LATEST,
        characters: int = CHARACTERS,
        rounds: Rounds | None = None,
    ) -> None:
        """Once more than ``turns`` are in no summary, all but the ``latest`` are put into one."""
        self._store, self._writer, self._acting = store, writer, acting
        self._turns, self._latest, self._characters = turns, latest, characters
        self._rounds = rounds or Rounds(store)

    async def turn(self) -> bool:
        for scope in await self._rounds.next():
            before = ""
            while found := await self._store.sessions(scope, before=before, limit=_PAGE):
                for session in found:
                    if session.turns > self._turns:
                        await self._look(scope, session)
                if len(found) < _PAGE:  # of a session that has ended meanwhile there is no next page
                    break
                before = found[-1].id
        return self._rounds.passed()

    async def _look(self, scope: Scope, session: Session) -> None:
        unread = await self._unread(scope, session)
        if len(unread) <= self._turns:
            return
        read = unread[: -self._latest]
        before = [f"Before: {session.summary}"] if session.summary else []
        texts = [*before, *(f"{turn.role.capitalize()}: {turn.text}" for turn in read)]
        with self._acting(scope.tenant):
            summary = await self._writer.shorten(texts, self._characters)
        ids = [turn.id for turn in read]
        if not summary or len(await self._store.find([scope], ids)) < len(ids):
            return  # a turn was forgotten meanwhile, and the summary may say it
        await self._store.summarise(scope, session.id, summary, ids[-1])
        metrics.SUMMARISED.inc()

    async def _unread(self, scope: Scope, session: Session) -> Sequence[Memory]:
        """The turns that no summary covers, oldest first."""
        wanted = Filter(kinds=frozenset({Kind.TURN}), session=session.id, own=True)
        found: list[Memory] = []
        before = ""
        while page := await self._store.page([scope], wanted, before=before, limit=_PAGE):
            found += [turn for turn in page if turn.id > session.summarised]
            if page[-1].id <= session.summarised or len(found) >= _MOST_TURNS:
                break
            before = page[-1].id
        return found[:_MOST_TURNS][::-1]
