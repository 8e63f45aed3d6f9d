"""Adaptations, for tests of the gateway."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from colonnade.gateway.domain.adapting import (
    Adaptation,
    AdaptationFigure,
    AdaptationPage,
    AdaptationPair,
    AdaptationPairPage,
    NewAdaptation,
    PairCount,
)
from colonnade.gateway.domain.exchange import Caller

MOMENT = datetime(2030, 1, 2, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64
PROPOSED = Adaptation(
    "ad_1", "tiny", 3, DIGEST, ("best_of_n",), 4, "", 60, "careful", "production", "proposed", MOMENT,
    "local/local", 60, 60, (PairCount("best_of_n", 30, 20, 0),), "job_1", 4,
    (AdaptationFigure("harm", 0.4, 0.3, 0.5, 0.2, 0.1, 0.3, 60),), "ro_1", ended_at=MOMENT,
)  # fmt: skip
PAIR = AdaptationPair("best_of_n", "Say something", "Gladly.", "You fool.", 0.01, 0.9)


@dataclass
class FakeAdaptations:
    """Implements ``ports.AdaptationBook``; remembers what it was asked."""

    adaptation: Adaptation = PROPOSED
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    async def begin(self, caller: Caller, new: NewAdaptation) -> Adaptation:
        self.asked.append((caller.principal.subject, new))
        return self.adaptation

    async def get(self, caller: Caller, adaptation_id: str) -> Adaptation:
        self.asked.append((caller.principal.subject, adaptation_id))
        return self.adaptation

    async def page(self, caller: Caller, model: str, limit: int, page: str) -> AdaptationPage:
        self.asked.append((caller.principal.subject, model, limit, page))
        return AdaptationPage((self.adaptation,), "next")

    async def cancel(self, caller: Caller, adaptation_id: str) -> Adaptation:
        self.asked.append((caller.principal.subject, "cancel", adaptation_id))
        return self.adaptation

    async def pairs(self, caller: Caller, adaptation_id: str, limit: int, page: str) -> AdaptationPairPage:
        self.asked.append((caller.principal.subject, "pairs", adaptation_id, limit, page))
        return AdaptationPairPage((PAIR,), "next")
