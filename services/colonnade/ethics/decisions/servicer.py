"""The gRPC methods of decisions: message to domain, one use case, domain to message."""

from datetime import UTC
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.ethics.v1 import decisions_pb2 as messages
from colonnade.api.ethics.v1 import ethics_pb2
from colonnade.api.ethics.v1.decisions_pb2_grpc import DecisionServiceServicer
from colonnade.errors import InvalidArgument
from colonnade.ethics import wire
from colonnade.ethics.decisions.domain import By, Kept, Wanted
from colonnade.ethics.decisions.service import Decisions
from colonnade.ethics.domain.policy import Action
from colonnade.rpc import current

FULL_NAME = messages.DESCRIPTOR.services_by_name["DecisionService"].full_name
_Context = grpc.aio.ServicerContext[Any, Any]
_BY = {
    messages.SUMMARY_BY_RULE: By.RULE,
    messages.SUMMARY_BY_ACTION: By.ACTION,
    messages.SUMMARY_BY_DAY: By.DAY,
}


class DecisionServicer(DecisionServiceServicer):
    def __init__(self, decisions: Decisions) -> None:
        self._decisions = decisions

    async def ListDecisions(
        self, request: messages.ListDecisionsRequest, context: _Context
    ) -> messages.ListDecisionsResponse:
        found, page = await self._decisions.page(
            current().principal.tenant, _wanted(request.filter), limit=request.limit, page=request.page
        )
        return messages.ListDecisionsResponse(decisions=map(_decision, found), next_page=page)

    async def SummariseDecisions(
        self, request: messages.SummariseDecisionsRequest, context: _Context
    ) -> messages.SummariseDecisionsResponse:
        by = _BY.get(request.by)
        if by is None:
            raise InvalidArgument("by must be rule, action or day", field="by")
        found = await self._decisions.summary(current().principal.tenant, _wanted(request.filter), by)
        counts = [messages.DecisionCount(key=key, count=count) for key, count in found.items()]
        return messages.SummariseDecisionsResponse(counts=counts)


def _wanted(told: messages.DecisionFilter) -> Wanted:
    return Wanted(
        told.rule,
        _action(told.action),
        told.route,
        told.request_id,
        told.since.ToDatetime(UTC) if told.HasField("since") else None,
        told.shadow,
    )


def _action(value: ethics_pb2.Action.ValueType) -> Action | None:
    return next((action for action, number in wire.ACTIONS.items() if number == value), None)


def _decision(kept: Kept) -> messages.KeptDecision:
    decision, request = kept.decision, kept.request
    at = Timestamp()
    at.FromDatetime(kept.at)
    return messages.KeptDecision(
        id=kept.id,
        at=at,
        request_id=request.request_id,
        subject=request.subject,
        route=request.route,
        side=wire.SIDES[kept.side],
        rule=decision.rule,
        category=decision.category,
        scorer=decision.scorer,
        span=ethics_pb2.Span(start=decision.span.start, end=decision.span.end),
        score=decision.score,
        action=wire.ACTIONS[decision.action],
        policy_name=kept.policy,
        policy_version=decision.policy_version,
        explanation=decision.explanation,
        shadow=kept.shadow,
    )
