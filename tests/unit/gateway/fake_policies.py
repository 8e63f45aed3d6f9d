"""The ethics service's policies and decisions, for tests of the gateway."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from colonnade.gateway.domain.decisions import (
    DecisionCount,
    DecisionFilter,
    DecisionPage,
    KeptDecision,
    SummaryBy,
)
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.guarding import Decision
from colonnade.gateway.domain.policies import (
    ArmCounts,
    Assignment,
    ChangedOutcome,
    DryRun,
    NamedPolicy,
    NewAssignment,
    PolicyEntry,
    PolicyText,
    PolicyUse,
    PolicyVersion,
    TrialOutcome,
    Trials,
)

MOMENT = datetime(2030, 1, 2, tzinfo=UTC)
STRICT, DEFAULT = NamedPolicy("strict", "sha256:a"), NamedPolicy("default", "sha256:d")
VERSION = PolicyVersion("sha256:a", MOMENT, "ann")
ASSIGNED = Assignment(
    "/generate", None, STRICT, 10, DEFAULT, 2, MOMENT, "ann", "tried", ArmCounts(90, 1), ArmCounts(10, 3)
)
KEPT = KeptDecision(
    "dec_1", MOMENT, "r1", "ann", "/generate", "card", DEFAULT, False,
    Decision("output", "cards", "payment_card", "mask", 4, 23, 0.99, "Rule cards: masked."),
)  # fmt: skip


@dataclass
class FakePolicies:
    """Implements ``ports.PolicyBook``; remembers what it was asked."""

    asked: list[tuple[Any, ...]] = field(default_factory=list)

    async def entries(self, caller: Caller) -> Sequence[PolicyEntry]:
        built_in = PolicyVersion("sha256:d", None, "")
        use = PolicyUse("", "*", 100, False, "sha256:d")
        return [PolicyEntry("default", "For all", "sha256:d", (built_in,), (use,))]

    async def get(self, caller: Caller, name: str, version: str) -> PolicyText:
        self.asked.append(("get", name, version))
        return PolicyText(name, "Strict", VERSION, "name: strict")

    async def put(self, caller: Caller, name: str, yaml: str) -> tuple[PolicyVersion, bool]:
        self.asked.append(("put", name, yaml))
        return VERSION, True

    async def test(self, caller: Caller, yaml: str) -> Trials:
        self.asked.append(("test", yaml))
        outcome = TrialOutcome("4111", "input", "refuse", "none", False, "allow", "", ("Rule x: allowed.",))
        return Trials("strict", "sha256:a", (outcome,))

    async def dry_run(self, caller: Caller, yaml: str, limit: int) -> DryRun:
        self.asked.append(("dry_run", yaml, limit))
        changed = ChangedOutcome(MOMENT, "output", "/generate", "mask", "refuse", "none", "My number")
        return DryRun("strict", "sha256:a", 2, (changed,))

    async def assignments(self, caller: Caller) -> Sequence[Assignment]:
        return [ASSIGNED]

    async def assign(self, caller: Caller, new: NewAssignment, key: str) -> Assignment:
        self.asked.append(("assign", new, key))
        return Assignment(new.route, STRICT, None, 0, None, 1, MOMENT, "ann", new.why)

    async def take_back(self, caller: Caller, route: str, why: str, revision: int | None) -> Assignment:
        self.asked.append(("take_back", route, why, revision))
        return Assignment(route, None, None, 0, None, 2, MOMENT, "ann", why)


@dataclass
class FakeDecisions:
    """Implements ``ports.DecisionBook``; remembers what it was asked."""

    asked: list[tuple[Any, ...]] = field(default_factory=list)

    async def page(self, caller: Caller, wanted: DecisionFilter, limit: int, page: str) -> DecisionPage:
        self.asked.append((wanted, limit, page))
        return DecisionPage((KEPT,), "next")

    async def summary(self, caller: Caller, wanted: DecisionFilter, by: SummaryBy) -> Sequence[DecisionCount]:
        self.asked.append((wanted, by))
        return [DecisionCount("cards", 3)]
