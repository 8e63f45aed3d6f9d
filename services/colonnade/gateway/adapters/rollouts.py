"""Rollouts on the registry's gRPC, and what this gateway saw of them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.registry.v1 import registry_pb2
from colonnade.api.registry.v1 import rollouts_pb2 as wire
from colonnade.api.registry.v1.rollouts_pb2_grpc import RolloutServiceStub
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.models import AliasTarget
from colonnade.gateway.domain.rollouts import (
    Event,
    Gate,
    GateResult,
    Outcomes,
    Plan,
    Policy,
    Rollout,
    RolloutOrder,
    RolloutPage,
    Seen,
    Step,
)
from colonnade.telemetry.first_tokens import CLASSES

_SECONDS = 10.0
_REPORT_SECONDS = 2.0


class RegistryRollouts:
    """Implements ``ports.RolloutBook`` and ``ports.OutcomeReports``."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._stub = RolloutServiceStub(calls.peer.channel)

    async def start(self, caller: Caller, order: RolloutOrder) -> Rollout:
        request = wire.StartRolloutRequest(
            model=order.model,
            alias=order.alias,
            version=order.version,
            policy=order.policy,
            plan=_plan_out(order.plan) if order.plan else None,
            why=order.why,
            idempotency_key=order.idempotency_key,
        )
        method = self._stub.StartRollout
        answer = await self._calls.unary(caller, method, request, wire.StartRolloutResponse, _SECONDS)
        return _rollout(answer.rollout)

    async def get(self, caller: Caller, rollout_id: str) -> Rollout:
        request, method = wire.GetRolloutRequest(id=rollout_id), self._stub.GetRollout
        answer = await self._calls.unary(caller, method, request, wire.GetRolloutResponse, _SECONDS)
        return _rollout(answer.rollout)

    async def page(
        self, caller: Caller, model: str, under_way: bool, page_size: int, page_token: str
    ) -> RolloutPage:
        request = wire.ListRolloutsRequest(
            model=model, under_way=under_way, page_size=page_size, page_token=page_token
        )
        method = self._stub.ListRollouts
        answer = await self._calls.unary(caller, method, request, wire.ListRolloutsResponse, _SECONDS)
        return RolloutPage(tuple(map(_rollout, answer.rollouts)), answer.next_page_token)

    async def change(
        self, caller: Caller, rollout_id: str, act: str, why: str, revision: int | None
    ) -> Rollout:
        request = wire.ChangeRolloutRequest(id=rollout_id, act=act, why=why, expected_revision=revision)
        method = self._stub.ChangeRollout
        answer = await self._calls.unary(caller, method, request, wire.ChangeRolloutResponse, _SECONDS)
        return _rollout(answer.rollout)

    async def policies(self, caller: Caller) -> Sequence[Policy]:
        request, method = wire.ListPoliciesRequest(), self._stub.ListPolicies
        answer = await self._calls.unary(caller, method, request, wire.ListPoliciesResponse, _SECONDS)
        return [Policy(each.name, each.description, _plan(each.plan)) for each in answer.policies]

    async def report(self, instance: str, seen: Sequence[Seen]) -> None:
        request = wire.ReportOutcomesRequest(instance=instance, seen=map(_seen_out, seen))
        await self._calls.peer.unary(
            self._stub.ReportOutcomes,
            request,
            wire.ReportOutcomesResponse,
            as_service=True,
            timeout=_REPORT_SECONDS,
        )


def _plan_out(plan: Plan) -> wire.Plan:
    return wire.Plan(
        gates=[
            wire.Gate(
                probe=gate.probe,
                bound=gate.bound,
                texts=gate.texts,
                optional=gate.optional,
                every_seconds=gate.every_seconds,
            )
            for gate in plan.gates
        ],
        shadow=_step_out(plan.shadow) if plan.shadow else None,
        steps=map(_step_out, plan.steps),
        objectives=plan.objectives,
        least_requests=plan.least_requests,
    )


def _step_out(step: Step) -> wire.RolloutStep:
    return wire.RolloutStep(percent=step.percent, seconds=step.seconds, requests=step.requests)


def _seen_out(seen: Seen) -> wire.ReportOutcomesRequest.Seen:
    return wire.ReportOutcomesRequest.Seen(
        rollout=seen.rollout,
        phase=seen.phase,
        candidate=_outcomes_out(seen.candidate),
        stable=_outcomes_out(seen.stable),
    )


def _outcomes_out(outcomes: Outcomes) -> wire.Outcomes:
    return wire.Outcomes(
        requests=outcomes.requests,
        failures=outcomes.failures,
        tokens=outcomes.tokens,
        decode_seconds=outcomes.decode_seconds,
        first_tokens=outcomes.first_tokens,
    )


def _rollout(rollout: wire.Rollout) -> Rollout:
    return Rollout(
        id=rollout.id,
        model=rollout.model,
        alias=rollout.alias,
        candidate=rollout.candidate,
        stable=_targets(rollout.stable),
        plan=_plan(rollout.plan),
        policy=rollout.policy,
        state=rollout.state,
        step=rollout.step,
        paused=rollout.paused,
        reason=rollout.reason,
        gates=tuple(map(_result, rollout.gates)),
        targets=_targets(rollout.targets),
        since=_time(rollout.since),
        created_at=_time(rollout.created_at),
        created_by=rollout.created_by,
        updated_at=_time(rollout.updated_at),
        revision=rollout.revision,
        candidate_outcomes=_outcomes(rollout.candidate_outcomes),
        stable_outcomes=_outcomes(rollout.stable_outcomes),
        events=tuple(Event(_time(each.at), each.what, each.by, each.words) for each in rollout.events),
    )


def _plan(plan: wire.Plan) -> Plan:
    return Plan(
        gates=tuple(
            Gate(each.probe, each.bound, each.texts, each.optional, each.every_seconds) for each in plan.gates
        ),
        shadow=_step(plan.shadow) if plan.HasField("shadow") else None,
        steps=tuple(map(_step, plan.steps)),
        objectives=dict(sorted(plan.objectives.items())),
        least_requests=plan.least_requests,
    )


def _step(step: wire.RolloutStep) -> Step:
    return Step(step.percent, step.seconds, step.requests)


def _result(result: wire.GateResult) -> GateResult:
    figure = result.figure if result.HasField("figure") else None
    stable = result.stable if result.HasField("stable") else None
    return GateResult(result.outcome, figure, stable, result.why)


def _outcomes(outcomes: wire.Outcomes) -> Outcomes:
    classes = tuple(outcomes.first_tokens) or (0,) * CLASSES
    return Outcomes(outcomes.requests, outcomes.failures, outcomes.tokens, outcomes.decode_seconds, classes)


def _targets(targets: Iterable[registry_pb2.AliasTarget]) -> tuple[AliasTarget, ...]:
    return tuple(AliasTarget(target.version, target.weight) for target in targets)


def _time(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)
