"""The gRPC methods of evaluations: message to domain, one use case, domain to message."""

from typing import Any

import grpc

from colonnade.api.registry.v1 import evaluations_pb2 as messages
from colonnade.api.registry.v1.evaluations_pb2_grpc import EvaluationServiceServicer
from colonnade.registry.evaluations.service import Evaluations
from colonnade.registry.servicers import evaluations_wire as wire
from colonnade.rpc import current

FULL_NAME = messages.DESCRIPTOR.services_by_name["EvaluationService"].full_name
_Context = grpc.aio.ServicerContext[Any, Any]


class EvaluationServicer(EvaluationServiceServicer):
    def __init__(self, evaluations: Evaluations) -> None:
        self._evaluations = evaluations

    async def RecordEvaluation(
        self, request: messages.RecordEvaluationRequest, context: _Context
    ) -> messages.RecordEvaluationResponse:
        measured, key = wire.measured(request.evaluation), request.idempotency_key
        kept = await self._evaluations.record(measured, current().principal, key)
        return messages.RecordEvaluationResponse(evaluation=wire.evaluation(kept))

    async def ListEvaluations(
        self, request: messages.ListEvaluationsRequest, context: _Context
    ) -> messages.ListEvaluationsResponse:
        found, token = await self._evaluations.page(
            request.name, request.version, page_size=request.page_size, page_token=request.page_token
        )
        return messages.ListEvaluationsResponse(
            evaluations=map(wire.evaluation, found), next_page_token=token
        )
