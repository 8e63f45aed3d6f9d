"""Rollouts over real gRPC on a socket: what goes over the wire, and as whom."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from colonnade import rpc
from colonnade.api.registry.v1 import manifest_pb2, registry_pb2
from colonnade.api.registry.v1 import rollouts_pb2 as wire
from colonnade.api.registry.v1.registry_pb2_grpc import (
    RegistryServiceServicer,
    add_RegistryServiceServicer_to_server,
)
from colonnade.api.registry.v1.rollouts_pb2_grpc import (
    RolloutServiceServicer,
    add_RolloutServiceServicer_to_server,
)
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.adapters.registry import RegistryCatalog
from colonnade.gateway.adapters.rollouts import RegistryRollouts
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.models import AliasTarget, Target, Watched
from colonnade.gateway.domain.rollouts import (
    Gate,
    GateResult,
    Outcome,
    Outcomes,
    Plan,
    RolloutOrder,
    Seen,
    Step,
)
from colonnade.security.access.registry import RPCS
from colonnade.security.identity import Principal, Role

ALICE = Principal("acme", "alice", frozenset({Role.MODEL_ENGINEER}), "k1")
CALLER = Caller(ALICE, "req-1")
PLAN = Plan(
    (Gate("tasks", "0.9x", "mine", True),), Step(10, 5.0), (Step(5, 1.5, 3),), {"error_rate": "0.02"}, 7
)


def rollout() -> wire.Rollout:
    message = wire.Rollout(
        id="ro_1", model="tiny", alias="production", candidate=2, state="canary", revision=3,
        targets=[registry_pb2.AliasTarget(version=1, weight=90)],
        gates=[wire.GateResult(outcome="passed", figure=0.0, why="as good")],
        candidate_outcomes=wire.Outcomes(requests=4, failures=1),
        events=[wire.RolloutEvent(what="begun", by="acme/alice", words="try")],
    )  # fmt: skip
    message.since.FromSeconds(1_900_000_000)
    return message


class Registry(RolloutServiceServicer, RegistryServiceServicer):
    def __init__(self) -> None:
        self.seen: list[tuple[Any, Principal]] = []

    def _note(self, request: Any) -> None:
        self.seen.append((request, rpc.current().principal))

    async def StartRollout(self, request: Any, context: Any) -> Any:
        self._note(request)
        return wire.StartRolloutResponse(rollout=wire.Rollout(id="ro_1", plan=request.plan, state="gates"))

    async def GetRollout(self, request: Any, context: Any) -> Any:
        self._note(request)
        return wire.GetRolloutResponse(rollout=rollout())

    async def ListRollouts(self, request: Any, context: Any) -> Any:
        self._note(request)
        return wire.ListRolloutsResponse(rollouts=[rollout()], next_page_token="n")

    async def ChangeRollout(self, request: Any, context: Any) -> Any:
        self._note(request)
        return wire.ChangeRolloutResponse(rollout=rollout())

    async def ListPolicies(self, request: Any, context: Any) -> Any:
        self._note(request)
        return wire.ListPoliciesResponse(policies=[wire.Policy(name="quick", description="soon")])

    async def ReportOutcomes(self, request: Any, context: Any) -> Any:
        self._note(request)
        return wire.ReportOutcomesResponse()

    async def Resolve(self, request: Any, context: Any) -> Any:
        candidate = manifest_pb2.Manifest(name="tiny", version=2, digest="sha256:c", context_length=9)
        stable = manifest_pb2.Manifest(name="tiny", version=1, digest="sha256:s")
        watched = registry_pb2.Watched(
            rollout="ro_1", phase="canary-0", candidate=candidate, shadow_percent=7
        )
        if request.reference != "new":
            watched.stable.CopyFrom(stable)
        return registry_pb2.ResolveResponse(name="tiny", alias="production", rollout=watched)


@pytest.fixture
async def registry() -> AsyncIterator[tuple[Registry, Calls]]:
    folder = Path(tempfile.mkdtemp(prefix="gw"))
    identity = rpc.Identity("gateway", folder / "identity")
    servicer, address = Registry(), f"unix:{folder}/r/registry.sock"  # type: ignore[abstract]
    server = rpc.Server(address, RPCS, identity)
    server.add(add_RolloutServiceServicer_to_server, servicer, "rollouts")
    server.add(add_RegistryServiceServicer_to_server, servicer, "registry")
    await server.start()
    async with rpc.Peer("registry", address, identity) as peer:
        yield servicer, Calls(peer, identity)
    await server.stop(0)
    shutil.rmtree(folder)


async def test_an_order_goes_out_and_comes_back(registry: tuple[Registry, Calls]) -> None:
    servicer, calls = registry
    order = RolloutOrder("tiny", 2, "candidate", plan=PLAN, why="try", idempotency_key="k")
    begun = await RegistryRollouts(calls).start(CALLER, order)
    assert (begun.id, begun.state, begun.plan) == ("ro_1", "gates", PLAN)
    await RegistryRollouts(calls).start(CALLER, RolloutOrder("tiny", 2, policy="quick"))
    (sent, principal), (named, _) = servicer.seen
    assert principal == ALICE
    assert (sent.model, sent.version, sent.alias, sent.why) == ("tiny", 2, "candidate", "try")
    assert sent.idempotency_key == "k"
    assert (named.policy, named.HasField("plan")) == ("quick", False)


async def test_one_is_read(registry: tuple[Registry, Calls]) -> None:
    found = await RegistryRollouts(registry[1]).get(CALLER, "ro_1")
    assert (found.state, found.revision, found.targets) == ("canary", 3, (AliasTarget(1, 90),))
    assert found.gates == (GateResult("passed", 0.0, None, "as good"),)
    assert found.candidate_outcomes == Outcomes(4, 1)
    assert found.stable_outcomes == Outcomes()
    assert found.since.year == 2030
    assert [(each.what, each.words) for each in found.events] == [("begun", "try")]


async def test_lists_changes_and_policies(registry: tuple[Registry, Calls]) -> None:
    servicer, calls = registry
    book = RegistryRollouts(calls)
    page = await book.page(CALLER, "tiny", True, 7, "t")
    assert ([each.id for each in page.rollouts], page.next_page_token) == (["ro_1"], "n")
    await book.change(CALLER, "ro_1", "pause", "night", 3)
    await book.change(CALLER, "ro_1", "resume", "", None)
    assert [each.name for each in await book.policies(CALLER)] == ["quick"]
    listed, paused, resumed, _ = [request for request, _ in servicer.seen]
    assert (listed.model, listed.under_way, listed.page_size, listed.page_token) == ("tiny", True, 7, "t")
    assert (paused.act, paused.why, paused.expected_revision) == ("pause", "night", 3)
    assert not resumed.HasField("expected_revision")


async def test_what_was_seen_is_told_by_the_gateway_itself(registry: tuple[Registry, Calls]) -> None:
    servicer, calls = registry
    outcomes = Outcomes().with_one(Outcome(first_token=0.1, tokens=5, decode_seconds=0.5))
    await RegistryRollouts(calls).report("me", [Seen("ro_1", "canary-0", candidate=outcomes)])
    [(sent, principal)] = servicer.seen
    assert principal == Principal.service("gateway")
    [seen] = sent.seen
    assert (sent.instance, seen.rollout, seen.phase) == ("me", "ro_1", "canary-0")
    assert (seen.candidate.requests, seen.candidate.tokens, seen.candidate.decode_seconds) == (1, 5, 0.5)
    assert tuple(seen.candidate.first_tokens) == outcomes.first_tokens
    assert seen.stable.requests == 0


async def test_a_resolution_brings_its_rollout(registry: tuple[Registry, Calls]) -> None:
    catalog = RegistryCatalog(registry[1])
    candidate, stable = Target("tiny", 2, "sha256:c", 100, 9), Target("tiny", 1, "sha256:s", 100)
    found = await catalog.resolve(CALLER, "tiny", "")
    assert found.watched == Watched("ro_1", "canary-0", candidate, 7, stable)
    assert (await catalog.resolve(CALLER, "new", "")).watched == Watched("ro_1", "canary-0", candidate, 7)
