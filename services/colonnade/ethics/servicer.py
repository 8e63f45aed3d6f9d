"""The gRPC methods of screening: message to domain, one use case, domain to message."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import grpc

from colonnade.api.ethics.v1 import ethics_pb2 as messages
from colonnade.api.ethics.v1.ethics_pb2_grpc import EthicsServiceServicer
from colonnade.errors import InvalidArgument
from colonnade.ethics import wire
from colonnade.ethics.checking import check_scorers
from colonnade.ethics.domain.policy import Policy
from colonnade.ethics.policies import policy_of, run_tests
from colonnade.ethics.ports import Policies, Scorer
from colonnade.ethics.screening import Screening
from colonnade.rpc import current

FULL_NAME = messages.DESCRIPTOR.services_by_name["EthicsService"].full_name
_Context = grpc.aio.ServicerContext[Any, Any]


class EthicsServicer(EthicsServiceServicer):
    def __init__(self, policies: Policies, scorers: Mapping[str, Scorer]) -> None:
        self._policies = policies
        self._scorers = scorers

    async def Screen(
        self, request_iterator: AsyncIterator[messages.ScreenRequest], context: _Context
    ) -> AsyncIterator[messages.ScreenResponse]:
        screening: Screening | None = None
        async for request in request_iterator:
            if screening is None:
                screening = Screening(await self._policy(request.route), self._scorers)
            elif request.route:
                raise InvalidArgument("route belongs into the first message of a stream alone", field="route")
            yield await _screened(screening, request)

    async def GetPolicy(
        self, request: messages.GetPolicyRequest, context: _Context
    ) -> messages.GetPolicyResponse:
        policy = await self._policy(request.route)
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

    async def _policy(self, route: str) -> Policy:
        return await self._policies.policy_for(current().principal.tenant, route)


async def _screened(screening: Screening, request: messages.ScreenRequest) -> messages.ScreenResponse:
    side = wire.side_of(request.side)
    if request.again:
        screening.again()
    made = await screening.screen(side, request.text, last=request.last)
    return wire.verdict(made, screening.policy)
