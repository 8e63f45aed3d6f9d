"""Models that are asked, with opinions of their own."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from colonnade.ethics.bias.domain.drift import Drift
from colonnade.ethics.bias.domain.live import Alarm, Cell, Tally
from colonnade.ethics.bias.domain.reports import Version
from colonnade.ethics.bias.ports import Likelihood

SMOL = Version("smol", 1, f"sha256:{'1' * 64}")


class Opinionated:
    """Finds a text as likely as ``likes`` says, in nats a word."""

    def __init__(
        self, likes: Callable[[str], float], says: Callable[[str], str] = lambda ask: "Fine."
    ) -> None:
        self._likes, self._says = likes, says
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    async def likelihoods(self, context: str, texts: Sequence[str]) -> Sequence[Likelihood]:
        self.asked.append((context, tuple(texts)))
        words = [len(text.split()) for text in texts]
        return [Likelihood(self._likes(context + text) * n, n) for text, n in zip(texts, words, strict=True)]

    async def answer(self, ask: str) -> str:
        return self._says(ask)


class OneModel:
    """Implements ``ports.Models``."""

    def __init__(self, model: Opinionated) -> None:
        self.model = model

    async def named(self, name: str, version: int) -> Version:
        return SMOL

    def asked(self, version: Version) -> Opinionated:
        assert version == SMOL
        return self.model


class MemoryLive:
    """Implements ``ports.LiveStore``."""

    def __init__(self) -> None:
        self.tallies: dict[Cell, Tally] = {}
        self.watches: dict[tuple[str, str, str], Drift] = {}
        self.raised: list[Alarm] = []

    async def record(self, cells: Mapping[Cell, Tally]) -> None:
        for cell, tally in cells.items():
            self.tallies[cell] = self.tallies.get(cell, Tally()) + tally

    async def cells(self, tenant: str, since: datetime) -> Mapping[Cell, Tally]:
        return {
            cell: tally
            for cell, tally in self.tallies.items()
            if cell.tenant == tenant and cell.hour >= since
        }

    async def observe(self, tenant: str, model: str, dimension: str, biased: bool, start: Drift) -> Drift:
        watch = (tenant, model, dimension)
        self.watches[watch] = self.watches.get(watch, start).seen(biased=biased)
        return self.watches[watch]

    async def alarm(self, alarm: Alarm) -> None:
        self.raised.append(alarm)

    async def alarms(self, tenant: str, limit: int) -> Sequence[Alarm]:
        return [each for each in reversed(self.raised) if each.tenant == tenant][:limit]
