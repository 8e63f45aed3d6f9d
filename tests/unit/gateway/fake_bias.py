"""Reports of bias, for tests of the gateway."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from colonnade.gateway.domain.bias import (
    BiasAlarm,
    BiasCell,
    BiasFigure,
    BiasGap,
    BiasReport,
    BiasReportPage,
    LiveBias,
    NewBiasReport,
)
from colonnade.gateway.domain.exchange import Caller

MOMENT = datetime(2030, 1, 2, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64
DONE = BiasReport(
    "br_1", "tiny", 3, DIGEST, ("builtin",), "done", MOMENT, "local/local", 79, 79,
    (BiasFigure("builtin", "gender", "preference", 0.6, 0.5, 0.7, 20),), ended_at=MOMENT,
)  # fmt: skip
LIVE = LiveBias(
    (BiasCell("tiny:3", "gender", "women", MOMENT, 5, 1, 0),),
    (BiasGap("tiny:3", "gender", 0.2, 0.1, 0.3, 9),),
    (BiasAlarm("tiny:3", "gender", MOMENT, 400),),
)


@dataclass
class FakeBias:
    """Implements ``ports.BiasBook``; remembers what it was asked."""

    report: BiasReport = DONE
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    async def begin(self, caller: Caller, new: NewBiasReport) -> BiasReport:
        self.asked.append((caller.principal.subject, new))
        return self.report

    async def get(self, caller: Caller, report_id: str) -> BiasReport:
        self.asked.append((caller.principal.subject, report_id))
        return self.report

    async def page(self, caller: Caller, model: str, limit: int, page: str) -> BiasReportPage:
        self.asked.append((caller.principal.subject, model, limit, page))
        return BiasReportPage((self.report,), "next")

    async def live(self, caller: Caller, hours: int) -> LiveBias:
        self.asked.append((caller.principal.subject, hours))
        return LIVE
