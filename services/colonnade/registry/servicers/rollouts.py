"""The gRPC methods of rollouts: message to domain, one use case, domain to message."""

from typing import Any

import grpc

from colonnade.api.registry.v1 import rollouts_pb2 as messages
from colonnade.api.registry.v1.rollouts_pb2_grpc import RolloutServiceServicer
from colonnade.registry.rollouts.service import Rollouts
from colonnade.registry.servicers import rollouts_wire as wire
from colonnade.rpc import current

FULL_NAME = messages.DESCRIPTOR.services_by_name["RolloutService"].full_name
_Context = grpc.aio.ServicerContext[Any, Any]


class RolloutServicer(RolloutServiceServicer):
    def __init__(self, rollouts: Rollouts) -> None:
        self._rollouts = rollouts

    async def StartRollout(
        self, request: messages.StartRolloutRequest, context: _Context
    ) -> messages.StartRolloutResponse:
        record = await self._rollouts.start(wire.order(request), current().principal)
        return messages.StartRolloutResponse(rollout=wire.rollout(record))

    async def GetRollout(
        self, request: messages.GetRolloutRequest, context: _Context
    ) -> messages.GetRolloutResponse:
        return messages.GetRolloutResponse(rollout=wire.detail(await self._rollouts.get(request.id)))

    async def ListRollouts(
        self, request: messages.ListRolloutsRequest, context: _Context
    ) -> messages.ListRolloutsResponse:
        found, token = await self._rollouts.page(
            model=request.model,
            under_way=request.under_way,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return messages.ListRolloutsResponse(rollouts=map(wire.rollout, found), next_page_token=token)

    async def ChangeRollout(
        self, request: messages.ChangeRolloutRequest, context: _Context
    ) -> messages.ChangeRolloutResponse:
        expected = request.expected_revision if request.HasField("expected_revision") else None
        record = await self._rollouts.change(
            request.id, request.act, current().principal, why=request.why, expected=expected
        )
        return messages.ChangeRolloutResponse(rollout=wire.rollout(record))

    async def ListPolicies(
        self, request: messages.ListPoliciesRequest, context: _Context
    ) -> messages.ListPoliciesResponse:
        policies = self._rollouts.policies
        return messages.ListPoliciesResponse(
            policies=[wire.policy(policies[name]) for name in sorted(policies)]
        )

    async def ReportOutcomes(
        self, request: messages.ReportOutcomesRequest, context: _Context
    ) -> messages.ReportOutcomesResponse:
        await self._rollouts.report(request.instance, wire.seen(request))
        return messages.ReportOutcomesResponse()
