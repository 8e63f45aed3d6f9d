"""Rollouts in the words of their protobuf contract, and back."""

from collections.abc import Iterable
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.registry.v1 import registry_pb2, rollouts_pb2
from colonnade.errors import InvalidArgument
from colonnade.registry.domain import Target
from colonnade.registry.rollouts.machine import GateResult
from colonnade.registry.rollouts.observation import Observed
from colonnade.registry.rollouts.plan import Bound, Gate, Measure, Objective, Plan, Probe, Step
from colonnade.registry.rollouts.policies import Policy
from colonnade.registry.rollouts.ports import Event, Record
from colonnade.registry.rollouts.service import Detail, Order, Seen, Watched
from colonnade.registry.servicers import versions_wire
from colonnade.telemetry.first_tokens import CLASSES

_LEAST_REQUESTS = 20
_MOST = 2**53


def order(request: rollouts_pb2.StartRolloutRequest) -> Order:
    return Order(
        request.model,
        request.version,
        request.alias,
        request.policy,
        plan_of(request.plan) if request.HasField("plan") else None,
        request.why,
        request.idempotency_key,
    )


def plan_of(message: rollouts_pb2.Plan) -> Plan:
    return Plan(
        gates=tuple(_gate_of(gate, f"gates.{at}") for at, gate in enumerate(message.gates)),
        shadow=_step_of(message.shadow) if message.HasField("shadow") else None,
        steps=tuple(_step_of(step) for step in message.steps),
        objectives=tuple(
            Objective(_measure(name), Bound.parse(bound, f"objectives.{name}"))
            for name, bound in sorted(message.objectives.items())
        ),
        least_requests=message.least_requests or _LEAST_REQUESTS,
    )


def plan(found: Plan) -> rollouts_pb2.Plan:
    return rollouts_pb2.Plan(
        gates=[
            rollouts_pb2.Gate(
                probe=gate.probe,
                bound=str(gate.bound),
                texts=gate.texts,
                optional=not gate.required,
                every_seconds=gate.every,
            )
            for gate in found.gates
        ],
        shadow=_step(found.shadow) if found.shadow else None,
        steps=[_step(step) for step in found.steps],
        objectives={objective.measure: str(objective.bound) for objective in found.objectives},
        least_requests=found.least_requests,
    )


def rollout(found: Record) -> rollouts_pb2.Rollout:
    it = found.rollout
    return rollouts_pb2.Rollout(
        id=it.id,
        model=it.model,
        alias=it.alias,
        candidate=it.candidate,
        stable=_targets(it.stable),
        plan=plan(it.plan),
        policy=found.policy,
        state=it.state.value,
        step=it.step,
        paused=it.paused,
        reason=it.reason,
        gates=[_result(result) for result in it.gates],
        targets=_targets(it.targets),
        since=_moment(it.since),
        created_at=_moment(found.created_at),
        created_by=found.created_by,
        updated_at=_moment(found.updated_at),
        revision=found.revision,
    )


def detail(found: Detail) -> rollouts_pb2.Rollout:
    message = rollout(found.record)
    message.candidate_outcomes.CopyFrom(outcomes(found.candidate))
    message.stable_outcomes.CopyFrom(outcomes(found.stable))
    message.events.extend(_event(event) for event in found.events)
    return message


def watched(found: Watched) -> registry_pb2.Watched:
    return registry_pb2.Watched(
        rollout=found.rollout.id,
        phase=found.rollout.phase,
        candidate=versions_wire.manifest(found.candidate),
        shadow_percent=found.rollout.shadow_percent,
        stable=versions_wire.manifest(found.stable) if found.stable else None,
    )


def policy(found: Policy) -> rollouts_pb2.Policy:
    return rollouts_pb2.Policy(name=found.name, description=found.description, plan=plan(found.plan))


def seen(request: rollouts_pb2.ReportOutcomesRequest) -> list[Seen]:
    return [
        Seen(each.rollout, each.phase, observed(each.candidate), observed(each.stable))
        for each in request.seen
    ]


def outcomes(found: Observed) -> rollouts_pb2.Outcomes:
    return rollouts_pb2.Outcomes(
        requests=found.requests,
        failures=found.failures,
        tokens=found.tokens,
        decode_seconds=found.decode_seconds,
        first_tokens=found.first_tokens,
    )


def observed(message: rollouts_pb2.Outcomes) -> Observed:
    classes = tuple(message.first_tokens) or (0,) * CLASSES
    counts = (message.requests, message.failures, message.tokens, *classes)
    whole = all(0 <= count <= _MOST for count in counts) and message.failures <= message.requests
    if len(classes) != CLASSES or not whole or not 0 <= message.decode_seconds < _MOST:
        raise InvalidArgument(f"outcomes must be sums, in {CLASSES} classes of first tokens", field="seen")
    return Observed(message.requests, message.failures, message.tokens, message.decode_seconds, classes)


def _gate_of(message: rollouts_pb2.Gate, field: str) -> Gate:
    if message.probe not in set(Probe):
        raise InvalidArgument(f"{field}.probe must be one of {', '.join(Probe)}", field=f"{field}.probe")
    bound = Bound.parse(message.bound, f"{field}.bound")
    return Gate(Probe(message.probe), bound, message.texts, not message.optional, message.every_seconds)


def _measure(name: str) -> Measure:
    if name not in set(Measure):
        raise InvalidArgument(f"objectives may name {', '.join(Measure)}", field="objectives")
    return Measure(name)


def _step_of(message: rollouts_pb2.RolloutStep) -> Step:
    return Step(message.percent, message.seconds, message.requests)


def _step(step: Step) -> rollouts_pb2.RolloutStep:
    return rollouts_pb2.RolloutStep(percent=step.percent, seconds=step.seconds, requests=step.requests)


def _result(result: GateResult) -> rollouts_pb2.GateResult:
    return rollouts_pb2.GateResult(
        outcome=result.outcome.value, figure=result.figure, stable=result.stable, why=result.why
    )


def _targets(targets: Iterable[Target]) -> list[registry_pb2.AliasTarget]:
    return [registry_pb2.AliasTarget(version=target.version, weight=target.weight) for target in targets]


def _event(event: Event) -> rollouts_pb2.RolloutEvent:
    return rollouts_pb2.RolloutEvent(at=_moment(event.at), what=event.what, by=event.by, words=event.words)


def _moment(at: datetime) -> Timestamp:
    moment = Timestamp()
    moment.FromDatetime(at)
    return moment
