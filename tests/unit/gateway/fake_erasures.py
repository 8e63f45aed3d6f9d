"""Erasures, for tests of the gateway."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from colonnade.gateway.domain.erasures import AffectedVersion, Erasure, ErasurePage, ErasureStep, NewErasure
from colonnade.gateway.domain.exchange import Caller

MOMENT = datetime(2030, 1, 2, tzinfo=UTC)
RUNNING = Erasure(
    "era_1", "acme", "f" * 64, "they asked", "admin", MOMENT,
    steps=(ErasureStep("gateway", 1, MOMENT, 1, "", {"usage": 2}), ErasureStep("memory", 1, None, 3, "away")),
    affected=(AffectedVersion("tiny", "1", "trained by job_1"),),
)  # fmt: skip


@dataclass
class FakeErasures:
    """Implements ``ports.ErasureBook``."""

    erasure: Erasure = RUNNING
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    async def begin(self, caller: Caller, new: NewErasure) -> Erasure:
        self.asked.append((caller.principal.subject, new))
        return self.erasure

    async def get(self, caller: Caller, erasure_id: str) -> Erasure:
        self.asked.append((caller.principal.subject, erasure_id))
        return self.erasure

    async def page(self, caller: Caller, limit: int, page: str) -> ErasurePage:
        self.asked.append((caller.principal.subject, limit, page))
        return ErasurePage((self.erasure,), "next")

    async def receipt_key(self, caller: Caller) -> str:
        return "PEM"
