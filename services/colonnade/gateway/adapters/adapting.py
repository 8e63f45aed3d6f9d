"""Adaptations, on the ethics service's gRPC."""

from datetime import UTC

from colonnade.api.ethics.v1 import adapting_pb2 as wire
from colonnade.api.ethics.v1.adapting_pb2_grpc import AdaptingServiceStub
from colonnade.gateway.adapters.calls import Calls
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

_SECONDS = 10.0


class EthicsAdaptations:
    """Implements ``ports.AdaptationBook``."""

    def __init__(self, calls: Calls) -> None:
        self._calls, self._stub = calls, AdaptingServiceStub(calls.peer.channel)

    async def begin(self, caller: Caller, new: NewAdaptation) -> Adaptation:
        plan = wire.AdaptationPlan(
            model=new.model, version=new.version, sources=new.sources, prompts=new.prompts,
            answers=new.answers, reward_model=new.reward_model, steps=new.steps, policy=new.policy,
            route=new.route,
        )  # fmt: skip
        request = wire.StartAdaptationRequest(plan=plan, idempotency_key=new.idempotency_key)
        method = self._stub.StartAdaptation
        answer = await self._calls.unary(caller, method, request, wire.StartAdaptationResponse, _SECONDS)
        return _adaptation(answer.adaptation)

    async def get(self, caller: Caller, adaptation_id: str) -> Adaptation:
        request, method = wire.GetAdaptationRequest(id=adaptation_id), self._stub.GetAdaptation
        answer = await self._calls.unary(caller, method, request, wire.GetAdaptationResponse, _SECONDS)
        return _adaptation(answer.adaptation)

    async def page(self, caller: Caller, model: str, limit: int, page: str) -> AdaptationPage:
        request = wire.ListAdaptationsRequest(model=model, limit=limit, page=page)
        method = self._stub.ListAdaptations
        answer = await self._calls.unary(caller, method, request, wire.ListAdaptationsResponse, _SECONDS)
        return AdaptationPage(tuple(map(_adaptation, answer.adaptations)), answer.next_page)

    async def cancel(self, caller: Caller, adaptation_id: str) -> Adaptation:
        request, method = wire.CancelAdaptationRequest(id=adaptation_id), self._stub.CancelAdaptation
        answer = await self._calls.unary(caller, method, request, wire.CancelAdaptationResponse, _SECONDS)
        return _adaptation(answer.adaptation)

    async def pairs(self, caller: Caller, adaptation_id: str, limit: int, page: str) -> AdaptationPairPage:
        request = wire.ListAdaptationPairsRequest(id=adaptation_id, limit=limit, page=page)
        method = self._stub.ListAdaptationPairs
        answer = await self._calls.unary(caller, method, request, wire.ListAdaptationPairsResponse, _SECONDS)
        return AdaptationPairPage(tuple(map(_pair, answer.pairs)), answer.next_page)


def _adaptation(told: wire.Adaptation) -> Adaptation:
    plan = told.plan
    return Adaptation(
        id=told.id,
        model=plan.model,
        version=plan.version,
        digest=told.digest,
        sources=tuple(plan.sources),
        answers=plan.answers,
        reward_model=plan.reward_model,
        steps=plan.steps,
        policy=plan.policy,
        route=plan.route,
        state=told.state,
        created_at=told.created_at.ToDatetime(UTC),
        by=told.by,
        done=told.done,
        total=told.total,
        pairs=tuple(PairCount(each.source, each.tried, each.pairs, each.lowered) for each in told.pairs),
        job=told.job,
        adapted=told.adapted or None,
        figures=tuple(map(_figure, told.figures)),
        rollout=told.rollout,
        why=told.why,
        ended_at=told.ended_at.ToDatetime(UTC) if told.HasField("ended_at") else None,
    )


def _figure(told: wire.AdaptationFigure) -> AdaptationFigure:
    return AdaptationFigure(
        told.measure, told.before, told.before_low, told.before_high, told.after, told.after_low,
        told.after_high, told.count,
    )  # fmt: skip


def _pair(told: wire.AdaptationPair) -> AdaptationPair:
    return AdaptationPair(
        told.source, told.prompt, told.chosen, told.rejected, told.chosen_harm, told.rejected_harm
    )
