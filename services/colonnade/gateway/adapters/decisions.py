"""Decisions on record, on the ethics service's gRPC."""

from collections.abc import Sequence

from colonnade.api.ethics.v1 import decisions_pb2 as wire
from colonnade.api.ethics.v1 import ethics_pb2
from colonnade.api.ethics.v1.decisions_pb2_grpc import DecisionServiceStub
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.adapters.screening_wire import ACTIONS, action_of, moment_of, side_of
from colonnade.gateway.domain.decisions import (
    DecisionCount,
    DecisionFilter,
    DecisionPage,
    KeptDecision,
    SummaryBy,
)
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.guarding import Decision
from colonnade.gateway.domain.policies import NamedPolicy

_SECONDS = 10.0


class EthicsDecisions:
    """Implements ``ports.DecisionBook``."""

    def __init__(self, calls: Calls) -> None:
        self._calls, self._stub = calls, DecisionServiceStub(calls.peer.channel)

    async def page(self, caller: Caller, wanted: DecisionFilter, limit: int, page: str) -> DecisionPage:
        request = wire.ListDecisionsRequest(filter=_filter(wanted), limit=limit, page=page)
        method = self._stub.ListDecisions
        told = await self._calls.unary(caller, method, request, wire.ListDecisionsResponse, _SECONDS)
        return DecisionPage(tuple(map(_decision, told.decisions)), told.next_page)

    async def summary(self, caller: Caller, wanted: DecisionFilter, by: SummaryBy) -> Sequence[DecisionCount]:
        grouping = wire.SummaryBy.Value(f"SUMMARY_BY_{by.upper()}")
        request = wire.SummariseDecisionsRequest(by=grouping, filter=_filter(wanted))
        method = self._stub.SummariseDecisions
        told = await self._calls.unary(caller, method, request, wire.SummariseDecisionsResponse, _SECONDS)
        return [DecisionCount(each.key, each.count) for each in told.counts]


def _filter(wanted: DecisionFilter) -> wire.DecisionFilter:
    told = wire.DecisionFilter(
        rule=wanted.rule,
        action=ACTIONS[wanted.action] if wanted.action else ethics_pb2.ACTION_UNSPECIFIED,
        route=wanted.route,
        request_id=wanted.request_id,
        shadow=wanted.shadow,
    )
    if wanted.since is not None:
        told.since.FromDatetime(wanted.since)
    return told


def _decision(told: wire.KeptDecision) -> KeptDecision:
    return KeptDecision(
        id=told.id,
        at=moment_of(told.at),
        request_id=told.request_id,
        subject=told.subject,
        route=told.route,
        scorer=told.scorer,
        policy=NamedPolicy(told.policy_name, told.policy_version),
        shadow=told.shadow,
        decision=Decision(
            side=side_of(told.side),
            rule=told.rule,
            category=told.category,
            action=action_of(told.action),
            start=told.span.start,
            end=told.span.end,
            score=told.score,
            explanation=told.explanation,
        ),
    )
