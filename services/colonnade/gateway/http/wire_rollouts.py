"""Rollouts as JSON."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from colonnade.gateway.domain import rollouts as domain
from colonnade.gateway.domain.limits import Range
from colonnade.gateway.domain.models import AliasTarget as Target
from colonnade.gateway.http.strict import Strict
from colonnade.gateway.http.wire_models import AliasTarget
from colonnade.security.inputs import alias_name, check_count, check_text, model_name
from colonnade.security.inputs.catalogue import MAX_VERSION

WHY_BYTES = 1000
_MOST = 20
"""Gates, and steps, of a plan."""
_BOUND_CHARACTERS = 32
_VERSION = Range(1, MAX_VERSION)
_PERCENT = Range(1, 100)
_SECONDS = Range(0, 30 * 24 * 3600)
_REQUESTS = Range(0, 10_000_000)
_LEAST = Range(1, 10_000_000)
_Probe = Literal["perplexity", "tasks", "first_token_p95", "tokens_per_second", "bias", "safety"]
_Bound = float | str


def _bound(*, required: bool = True) -> Any:
    text = 'A number, or as `"1.5x"` a multiple of the stable version\'s figure.'
    return Field(description=text) if required else Field(default=None, description=text)


class GateBody(Strict):
    probe: _Probe
    bound: _Bound = _bound()
    texts: str = Field(default="", description="The set that is asked; by default the probe's own.")
    optional: bool = Field(default=False, description="Skipped where what it needs is not there.")
    every_seconds: float = Field(
        default=0, description="Asked again so often during the shadow and the canary; 0: never."
    )

    def gate(self, field: str) -> domain.Gate:
        texts = alias_name(self.texts, f"{field}.texts") if self.texts else ""
        _SECONDS.check(f"{field}.every_seconds", self.every_seconds)
        bound = _written(self.bound, f"{field}.bound")
        return domain.Gate(self.probe, bound, texts, self.optional, self.every_seconds)


class StepBody(Strict):
    percent: int = Field(description="Of the requests.", json_schema_extra={"minimum": 1, "maximum": 100})
    seconds: float = Field(default=0, description="At least.")
    requests: int = Field(default=0, description="That the candidate has to have answered, at least.")

    def step(self, field: str) -> domain.Step:
        _PERCENT.check(f"{field}.percent", self.percent)
        _SECONDS.check(f"{field}.seconds", self.seconds)
        _REQUESTS.check(f"{field}.requests", self.requests)
        return domain.Step(self.percent, self.seconds, self.requests)


class ShadowBody(Strict):
    percent: int = Field(description="Of the requests.", json_schema_extra={"minimum": 1, "maximum": 100})
    seconds: float = Field(default=0, description="At least.")

    def step(self) -> domain.Step:
        return StepBody(percent=self.percent, seconds=self.seconds).step("plan.shadow")


class ObjectivesBody(Strict):
    error_rate: _Bound | None = _bound(required=False)
    first_token_p95: _Bound | None = _bound(required=False)
    tokens_per_second: _Bound | None = _bound(required=False)

    def bounds(self) -> dict[str, str]:
        given = ((name, value) for name, value in self if value is not None)
        return {name: _written(value, f"plan.objectives.{name}") for name, value in given}


class PlanBody(Strict):
    gates: list[GateBody] = Field(default=[], description="What the candidate is asked before it gets any.")
    shadow: ShadowBody | None = Field(default=None, description="Copies whose answers nobody sees.")
    steps: list[StepBody] = Field(default=[], description="Each with a greater percent than the one before.")
    objectives: ObjectivesBody = Field(default=ObjectivesBody(), description="Broken, they take it back.")
    least_requests: int = Field(
        default=20, description="Of both versions, before a quantile or a rate is judged."
    )

    def plan(self) -> domain.Plan:
        check_count(len(self.gates), _MOST, "plan.gates")
        check_count(len(self.steps), _MOST, "plan.steps")
        _LEAST.check("plan.least_requests", self.least_requests)
        return domain.Plan(
            gates=tuple(each.gate(f"plan.gates[{at}]") for at, each in enumerate(self.gates)),
            shadow=self.shadow.step() if self.shadow else None,
            steps=tuple(each.step(f"plan.steps[{at}]") for at, each in enumerate(self.steps)),
            objectives=self.objectives.bounds(),
            least_requests=self.least_requests,
        )


class RolloutBody(Strict):
    model: str
    version: int = Field(description="The candidate.", json_schema_extra={"minimum": 1})
    alias: str | None = Field(default=None, description="Default production.")
    policy: str | None = Field(default=None, description="A named plan; `GET /policies` lists them.")
    plan: PlanBody | None = Field(default=None, description="Instead of a policy.")
    why: str | None = Field(default=None, description="Kept with the record.")

    def order(self, key: str) -> domain.RolloutOrder:
        _VERSION.check("version", self.version)
        return domain.RolloutOrder(
            model=model_name(self.model, "model"),
            version=self.version,
            alias=alias_name(self.alias) if self.alias else "",
            policy=alias_name(self.policy, "policy") if self.policy else "",
            plan=self.plan.plan() if self.plan else None,
            why=why_of(self.why),
            idempotency_key=key,
        )


class ChangeBody(Strict):
    why: str | None = Field(default=None, description="Kept with the record.")
    expected_revision: int | None = Field(default=None, description="Refuses where it has another one.")


class Step(BaseModel):
    percent: int
    seconds: float
    requests: int


class Gate(BaseModel):
    probe: str
    bound: str
    texts: str
    optional: bool
    every_seconds: float


class Plan(BaseModel):
    gates: list[Gate]
    shadow: Step | None
    steps: list[Step]
    objectives: dict[str, str] = Field(description="Bounds by measure.")
    least_requests: int

    @classmethod
    def of(cls, plan: domain.Plan) -> "Plan":
        return cls.model_validate(plan, from_attributes=True)


class GateOut(BaseModel):
    """A gate that was asked."""

    probe: str
    bound: str
    outcome: Literal["passed", "failed", "skipped"]
    figure: float | None
    stable: float | None = Field(description="The stable version's figure.")
    why: str


class Figures(BaseModel):
    """Since the state, or the step, began; at the end those of the last. Null where nothing was seen."""

    requests: int
    failures: int
    error_rate: float | None
    first_token_p95: float | None = Field(description="Seconds.")
    tokens_per_second: float | None

    @classmethod
    def of(cls, outcomes: domain.Outcomes) -> "Figures":
        return cls(**{name: getattr(outcomes, name) for name in cls.model_fields})


class OutcomesOut(BaseModel):
    candidate: Figures
    stable: Figures


class EventOut(BaseModel):
    at: datetime
    what: str = Field(description="begun, gate, step, pause, resume, or the state that ended it.")
    by: str
    words: str


class Rollout(BaseModel):
    id: str
    model: str
    alias: str
    candidate: int = Field(description="The version that is on its way.")
    stable: list[AliasTarget] = Field(description="What the alias meant when it began.")
    plan: Plan
    policy: str = Field(description="Empty where a plan was given.")
    state: Literal["gates", "shadow", "canary", "promoted", "refused", "rolled_back", "cancelled"]
    step: int = Field(description="Of the canary, from 0.")
    paused: bool
    reason: str = Field(description="Why it is where it is.")
    gates: list[GateOut] = Field(description="Those that were asked, with their last answers.")
    targets: list[AliasTarget] = Field(description="What the alias means by it.")
    since: datetime = Field(description="When the state, or the step, began.")
    created_at: datetime
    created_by: str
    updated_at: datetime
    revision: int = Field(description="Grows by one with each change.")

    @classmethod
    def of(cls, rollout: domain.Rollout) -> "Rollout":
        return cls(**_values(rollout))


class RolloutDetail(Rollout):
    outcomes: OutcomesOut
    events: list[EventOut] = Field(description="Oldest first.")

    @classmethod
    def of(cls, rollout: domain.Rollout) -> "RolloutDetail":
        seen = OutcomesOut(
            candidate=Figures.of(rollout.candidate_outcomes), stable=Figures.of(rollout.stable_outcomes)
        )
        events = [EventOut.model_validate(each, from_attributes=True) for each in rollout.events]
        return cls(**_values(rollout), outcomes=seen, events=events)


class RolloutsOut(BaseModel):
    rollouts: list[Rollout] = Field(description="Newest first.")
    next_page_token: str = Field(description="Empty on the last page.")


class Policy(BaseModel):
    name: str
    description: str
    plan: Plan


class Policies(BaseModel):
    policies: list[Policy]


def why_of(text: str | None) -> str:
    return check_text(text or "", "why", WHY_BYTES, allow_empty=True, controls="text")


def _written(bound: float | str, field: str) -> str:
    text = bound if isinstance(bound, str) else repr(bound)
    return check_text(text, field, _BOUND_CHARACTERS, controls="line")


def _values(rollout: domain.Rollout) -> dict[str, Any]:
    return {name: getattr(rollout, name) for name in Rollout.model_fields} | {
        "plan": Plan.of(rollout.plan),
        "stable": _targets(rollout.stable),
        "targets": _targets(rollout.targets),
        "gates": [
            GateOut(
                probe=gate.probe,
                bound=gate.bound,
                outcome=result.outcome,  # type: ignore[arg-type]
                figure=result.figure,
                stable=result.stable,
                why=result.why,
            )
            for gate, result in zip(rollout.plan.gates, rollout.gates, strict=False)
        ],
    }


def _targets(targets: Iterable[Target]) -> list[AliasTarget]:
    return [AliasTarget(version=each.version, weight=each.weight) for each in targets]
