"""The gRPC methods of screening: message to domain, one use case, domain to message."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import grpc

from colonnade.api.ethics.v1 import ethics_pb2 as messages
from colonnade.api.ethics.v1.ethics_pb2_grpc import EthicsServiceServicer
from colonnade.errors import InvalidArgument
from colonnade.ethics import wire
from colonnade.ethics.checking import check_scorers
from colonnade.ethics.policies import policy_of, run_tests
from colonnade.ethics.ports import Bench, Judged, Policies, Scorer
from colonnade.rpc import current

FULL_NAME = messages.DESCRIPTOR.services_by_name["EthicsService"].full_name
_Context = grpc.aio.ServicerContext[Any, Any]


class EthicsServicer(EthicsServiceServicer):
    def __init__(self, bench: Bench, policies: Policies, scorers: Mapping[str, Scorer]) -> None:
        self._bench, self._policies, self._scorers = bench, policies, scorers

    async def Screen(
        self, request_iterator: AsyncIterator[messages.ScreenRequest], context: _Context
    ) -> AsyncIterator[messages.ScreenResponse]:
        judged: Judged | None = None
        try:
            async for request in request_iterator:
                if judged is None:
                    call = current()
                    version = wire.version_of(request.model)
                    judged = self._bench.begin(call.principal, request.route, call.request_id, version)
                elif request.route:
                    raise InvalidArgument(
                        "route belongs into the first message of a stream alone", field="route"
                    )
                side = wire.side_of(request.side)
                made = await judged.take(side, request.text, last=request.last, again=request.again)
                yield wire.verdict(made, judged.policy)
        finally:
            if judged is not None:
                judged.end()

    async def GetPolicy(
        self, request: messages.GetPolicyRequest, context: _Context
    ) -> messages.GetPolicyResponse:
        policy = self._policies.named(current().principal.tenant, request.route)
        return messages.GetPolicyResponse(name=policy.name, version=policy.version, yaml=policy.source)

    async def TestPolicy(
        self, request: messages.TestPolicyRequest, context: _Context
    ) -> messages.TestPolicyResponse:
        policy = policy_of(request.yaml)
        check_scorers(policy, self._scorers)
        outcomes = await run_tests(policy, self._scorers)
        return messages.TestPolicyResponse(
            name=policy.name, version=policy.version, outcomes=map(wire.outcome, outcomes)
        )
