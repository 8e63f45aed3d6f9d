"""Erasures, tombstones and services that erase, in memory."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from colonnade.errors import ColonnadeError
from colonnade.memory.domain.erasures import Erased, Erasure, Held
from colonnade.security.inputs.once import Once


class FakeErasures:
    """Implements ``ports.Erasures``."""

    def __init__(self) -> None:
        self.kept: dict[str, Erasure] = {}
        self._made: dict[tuple[str, str], tuple[str, str]] = {}

    async def add(self, erasure: Erasure, once: Once | None = None) -> Erasure:
        if once and (made := self._made.get((once.owner, once.key))):
            once.check(made[1])
            return self.kept[made[0]]
        for each in self.kept.values():
            if each.mark == erasure.mark and each.ended_at is None:
                return each
        if once:
            self._made[once.owner, once.key] = (erasure.id, once.fingerprint)
        self.kept[erasure.id] = erasure
        return erasure

    async def save(self, erasure: Erasure) -> None:
        self.kept[erasure.id] = erasure

    async def find(self, erasure_id: str) -> Erasure | None:
        return self.kept.get(erasure_id)

    async def page(self, tenant: str, *, before: str, limit: int) -> Sequence[Erasure]:
        found = [each for each in self.kept.values() if each.tenant == tenant]
        found = [each for each in found if not before or each.id < before]
        return sorted(found, key=lambda each: each.id, reverse=True)[:limit]

    async def under_way(self, limit: int) -> Sequence[Erasure]:
        found = [each for each in self.kept.values() if each.ended_at is None]
        return sorted(found, key=lambda each: each.id)[:limit]

    async def is_open(self, mark: str) -> bool:
        return any(each.mark == mark and each.ended_at is None for each in self.kept.values())


class FakeTombstones:
    """Implements ``ports.Tombstones``."""

    def __init__(self) -> None:
        self.kept: dict[str, datetime] = {}

    async def bury(self, marks: Mapping[str, datetime]) -> None:
        for mark, at in marks.items():
            self.kept[mark] = max(at, self.kept.get(mark, at))

    async def all(self) -> Mapping[str, datetime]:
        return dict(self.kept)


@dataclass
class FakeEraser:
    """Implements ``ports.Eraser``."""

    answer: Erased = field(default_factory=Erased)
    failure: Exception | None = None
    people: list[Held] = field(default_factory=list)
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    async def erase(self, tenant: str, subject: str, erasure_id: str) -> Erased:
        self.asked.append((tenant, subject, erasure_id))
        if self.failure:
            raise self.failure
        return self.answer

    async def held(self) -> AsyncIterator[Held]:
        if isinstance(self.failure, ColonnadeError):
            raise self.failure
        for each in self.people:
            yield each
