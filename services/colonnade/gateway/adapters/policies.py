"""Policies of screening, on the ethics service's gRPC."""

from collections.abc import Sequence

from colonnade.api.ethics.v1 import ethics_pb2, policies_pb2
from colonnade.api.ethics.v1.ethics_pb2_grpc import EthicsServiceStub
from colonnade.api.ethics.v1.policies_pb2_grpc import PolicyServiceStub
from colonnade.gateway.adapters import policies_wire as read
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.policies import (
    Assignment,
    DryRun,
    NewAssignment,
    PolicyEntry,
    PolicyText,
    PolicyVersion,
    Trials,
)

_SECONDS = 10.0


class EthicsPolicies:
    """Implements ``ports.PolicyBook``. What screens texts takes as long as the caller's deadline lets it."""

    def __init__(self, calls: Calls) -> None:
        self._calls, channel = calls, calls.peer.channel
        self._stub, self._ethics = PolicyServiceStub(channel), EthicsServiceStub(channel)

    async def entries(self, caller: Caller) -> Sequence[PolicyEntry]:
        method, request = self._stub.ListPolicies, policies_pb2.ListPoliciesRequest()
        kind = policies_pb2.ListPoliciesResponse
        answer = await self._calls.unary(caller, method, request, kind, _SECONDS)
        return tuple(map(read.entry, answer.policies))

    async def get(self, caller: Caller, name: str, version: str) -> PolicyText:
        request = policies_pb2.GetPolicyVersionRequest(name=name, version=version)
        method, kind = self._stub.GetPolicyVersion, policies_pb2.GetPolicyVersionResponse
        told = await self._calls.unary(caller, method, request, kind, _SECONDS)
        return PolicyText(told.name, told.description, read.version(told.version), told.yaml)

    async def put(self, caller: Caller, name: str, yaml: str) -> tuple[PolicyVersion, bool]:
        request = policies_pb2.PutPolicyRequest(name=name, yaml=yaml)
        told = await self._calls.unary(caller, self._stub.PutPolicy, request, policies_pb2.PutPolicyResponse)
        return read.version(told.version), told.is_new

    async def test(self, caller: Caller, yaml: str) -> Trials:
        request, method = ethics_pb2.TestPolicyRequest(yaml=yaml), self._ethics.TestPolicy
        told = await self._calls.unary(caller, method, request, ethics_pb2.TestPolicyResponse)
        return Trials(told.name, told.version, tuple(map(read.outcome, told.outcomes)))

    async def dry_run(self, caller: Caller, yaml: str, limit: int) -> DryRun:
        request, method = policies_pb2.DryRunRequest(yaml=yaml, limit=limit), self._stub.DryRun
        told = await self._calls.unary(caller, method, request, policies_pb2.DryRunResponse)
        return DryRun(told.name, told.version, told.screened, tuple(map(read.changed, told.changed)))

    async def assignments(self, caller: Caller) -> Sequence[Assignment]:
        method, request = self._stub.ListAssignments, policies_pb2.ListAssignmentsRequest()
        kind = policies_pb2.ListAssignmentsResponse
        answer = await self._calls.unary(caller, method, request, kind, _SECONDS)
        return tuple(map(read.assignment, answer.assignments))

    async def assign(self, caller: Caller, new: NewAssignment, key: str) -> Assignment:
        request = policies_pb2.AssignPolicyRequest(
            route=new.route, name=new.name, version=new.version, share=new.share, shadow=new.shadow,
            why=new.why, expected_revision=new.expected_revision, idempotency_key=key,
        )  # fmt: skip
        method, kind = self._stub.AssignPolicy, policies_pb2.AssignPolicyResponse
        return read.assignment((await self._calls.unary(caller, method, request, kind, _SECONDS)).assignment)

    async def take_back(self, caller: Caller, route: str, why: str, revision: int | None) -> Assignment:
        request = policies_pb2.TakeBackRequest(route=route, why=why, expected_revision=revision)
        method, kind = self._stub.TakeBack, policies_pb2.TakeBackResponse
        return read.assignment((await self._calls.unary(caller, method, request, kind, _SECONDS)).assignment)
