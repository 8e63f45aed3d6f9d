"""The gRPC methods of policies: message to domain, one use case, domain to message."""

from typing import Any

import grpc

from colonnade.api.ethics.v1 import policies_pb2 as messages
from colonnade.api.ethics.v1.policies_pb2_grpc import PolicyServiceServicer
from colonnade.ethics.judging.dry_run import DryRuns
from colonnade.ethics.policies_kept import wire
from colonnade.ethics.policies_kept.service import PoliciesInUse, Shown
from colonnade.rpc import current

FULL_NAME = messages.DESCRIPTOR.services_by_name["PolicyService"].full_name
_Context = grpc.aio.ServicerContext[Any, Any]


class PolicyServicer(PolicyServiceServicer):
    def __init__(self, policies: PoliciesInUse, dry_runs: DryRuns) -> None:
        self._policies, self._dry_runs = policies, dry_runs

    async def ListPolicies(
        self, request: messages.ListPoliciesRequest, context: _Context
    ) -> messages.ListPoliciesResponse:
        found = await self._policies.entries(current().principal.tenant)
        return messages.ListPoliciesResponse(policies=map(wire.entry, found))

    async def GetPolicyVersion(
        self, request: messages.GetPolicyVersionRequest, context: _Context
    ) -> messages.GetPolicyVersionResponse:
        tenant = current().principal.tenant
        return wire.shown_policy(await self._policies.show(tenant, request.name, request.version))

    async def PutPolicy(
        self, request: messages.PutPolicyRequest, context: _Context
    ) -> messages.PutPolicyResponse:
        kept, is_new = await self._policies.put(request.name, request.yaml, current().principal)
        return messages.PutPolicyResponse(version=wire.version(kept), is_new=is_new)

    async def ListAssignments(
        self, request: messages.ListAssignmentsRequest, context: _Context
    ) -> messages.ListAssignmentsResponse:
        found = await self._policies.assignments(current().principal.tenant)
        return messages.ListAssignmentsResponse(assignments=map(wire.assignment, found))

    async def AssignPolicy(
        self, request: messages.AssignPolicyRequest, context: _Context
    ) -> messages.AssignPolicyResponse:
        made = await self._policies.assign(
            wire.wanted(request), current().principal, why=request.why,
            expected=request.expected_revision if request.HasField("expected_revision") else None,
            key=request.idempotency_key,
        )  # fmt: skip
        return messages.AssignPolicyResponse(assignment=wire.assignment(Shown(made, None, None)))

    async def TakeBack(
        self, request: messages.TakeBackRequest, context: _Context
    ) -> messages.TakeBackResponse:
        made = await self._policies.take_back(
            request.route, current().principal, why=request.why,
            expected=request.expected_revision if request.HasField("expected_revision") else None,
        )  # fmt: skip
        return messages.TakeBackResponse(assignment=wire.assignment(Shown(made, None, None)))

    async def DryRun(self, request: messages.DryRunRequest, context: _Context) -> messages.DryRunResponse:
        made = await self._dry_runs.run(current().principal.tenant, request.yaml, request.limit)
        return wire.dry_run(made)
