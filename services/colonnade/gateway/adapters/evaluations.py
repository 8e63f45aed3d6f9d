"""What was measured of versions, on the registry's gRPC."""

from datetime import UTC

from colonnade.api.registry.v1 import evaluations_pb2 as wire
from colonnade.api.registry.v1.evaluations_pb2_grpc import EvaluationServiceStub
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.lineage import Evaluation, EvaluationPage

_SECONDS = 10.0


class RegistryEvaluations:
    """Implements ``ports.EvaluationBook``."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._stub = EvaluationServiceStub(calls.peer.channel)

    async def record(self, caller: Caller, evaluation: Evaluation, key: str) -> Evaluation:
        message = wire.Evaluation(
            model=evaluation.model,
            version=evaluation.version,
            suite=evaluation.suite,
            suite_digest=evaluation.suite_digest,
            results=evaluation.results,
            outcome=evaluation.outcome,
            origin=evaluation.origin,
        )
        request = wire.RecordEvaluationRequest(evaluation=message, idempotency_key=key)
        method = self._stub.RecordEvaluation
        answer = await self._calls.unary(caller, method, request, wire.RecordEvaluationResponse, _SECONDS)
        return _evaluation(answer.evaluation)

    async def page(
        self, caller: Caller, model: str, version: int, page_size: int, page_token: str
    ) -> EvaluationPage:
        request = wire.ListEvaluationsRequest(
            name=model, version=version, page_size=page_size, page_token=page_token
        )
        method = self._stub.ListEvaluations
        answer = await self._calls.unary(caller, method, request, wire.ListEvaluationsResponse, _SECONDS)
        return EvaluationPage(tuple(map(_evaluation, answer.evaluations)), answer.next_page_token)


def _evaluation(message: wire.Evaluation) -> Evaluation:
    return Evaluation(
        model=message.model,
        version=message.version,
        suite=message.suite,
        results=dict(message.results),
        suite_digest=message.suite_digest,
        outcome=message.outcome,
        origin=message.origin,
        id=message.id,
        by=message.by,
        at=message.at.ToDatetime(tzinfo=UTC),
    )
