"""Policies and decisions over real gRPC: what is sent, and what is read of the answers."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.ethics.v1 import decisions_pb2, ethics_pb2, policies_pb2
from colonnade.api.ethics.v1.decisions_pb2_grpc import (
    DecisionServiceServicer,
    add_DecisionServiceServicer_to_server,
)
from colonnade.api.ethics.v1.ethics_pb2_grpc import add_EthicsServiceServicer_to_server
from colonnade.api.ethics.v1.policies_pb2_grpc import (
    PolicyServiceServicer,
    add_PolicyServiceServicer_to_server,
)
from colonnade.ethics.decisions.servicer import FULL_NAME as DECISIONS
from colonnade.ethics.policies_kept.servicer import FULL_NAME as POLICIES
from colonnade.ethics.servicer import FULL_NAME, EthicsServicer
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.adapters.decisions import EthicsDecisions
from colonnade.gateway.adapters.policies import EthicsPolicies
from colonnade.gateway.domain.decisions import DecisionCount, DecisionFilter
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.policies import ChangedOutcome, NewAssignment, TrialOutcome
from colonnade.rpc import Identity, Peer, Server
from colonnade.security.access.ethics import RPCS
from colonnade.security.identity import Principal, Role
from tests.unit.ethics.streams import CARD, SCORERS
from tests.unit.gateway.fake_policies import ASSIGNED, KEPT, MOMENT, VERSION
from tests.unit.gateway.test_screening_adapter import Bench

CALLER = Caller(Principal("acme", "ann", frozenset({Role.ADMIN}), "k1"), "req-1")
MASKS = (
    "{name: masks, rules: [{id: cards, scorer: card, action: mask, replacement: x}],\n"
    f"tests: [{{text: '{CARD}', side: output, expect: {{action: refuse}}}}]}}"
)
AT = Timestamp()
AT.FromDatetime(MOMENT)
NAMED = policies_pb2.NamedPolicy(name="strict", version="sha256:a")
DEFAULT = policies_pb2.NamedPolicy(name="default", version="sha256:d")
TOLD_VERSION = policies_pb2.PolicyVersion(version="sha256:a", created_at=AT, by="ann")
TOLD = policies_pb2.Assignment(
    route="/generate", candidate=NAMED, share=10, shadow=DEFAULT, revision=2, at=AT, by="ann", why="tried",
    stable_counts=policies_pb2.ArmCounts(requests=90, refused=1),
    candidate_counts=policies_pb2.ArmCounts(requests=10, refused=3),
)  # fmt: skip


class Ethics(PolicyServiceServicer, DecisionServiceServicer):
    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def ListPolicies(self, request: Any, context: Any) -> policies_pb2.ListPoliciesResponse:
        built_in = policies_pb2.PolicyVersion(version="sha256:d")
        use = policies_pb2.PolicyUse(route="*", share=100, version="sha256:d", shadow=True)
        entry = policies_pb2.PolicyEntry(
            name="default", description="All", version="sha256:d", versions=[built_in], in_use=[use]
        )
        return policies_pb2.ListPoliciesResponse(policies=[entry])

    async def GetPolicyVersion(self, request: Any, context: Any) -> policies_pb2.GetPolicyVersionResponse:
        self.asked.append(request)
        return policies_pb2.GetPolicyVersionResponse(name=request.name, version=TOLD_VERSION, yaml="x")

    async def PutPolicy(self, request: Any, context: Any) -> policies_pb2.PutPolicyResponse:
        self.asked.append(request)
        return policies_pb2.PutPolicyResponse(version=TOLD_VERSION, is_new=True)

    async def DryRun(self, request: Any, context: Any) -> policies_pb2.DryRunResponse:
        self.asked.append(request)
        changed = policies_pb2.ChangedOutcome(
            at=AT, side=ethics_pb2.SIDE_INPUT, route="/generate", before=ethics_pb2.ACTION_MASK,
            after=ethics_pb2.ACTION_REFUSE, rule="none", excerpt="My",
        )  # fmt: skip
        return policies_pb2.DryRunResponse(name="strict", version="sha256:a", screened=2, changed=[changed])

    async def ListAssignments(self, request: Any, context: Any) -> policies_pb2.ListAssignmentsResponse:
        return policies_pb2.ListAssignmentsResponse(assignments=[TOLD])

    async def AssignPolicy(self, request: Any, context: Any) -> policies_pb2.AssignPolicyResponse:
        self.asked.append(request)
        return policies_pb2.AssignPolicyResponse(assignment=TOLD)

    async def TakeBack(self, request: Any, context: Any) -> policies_pb2.TakeBackResponse:
        self.asked.append(request)
        return policies_pb2.TakeBackResponse(assignment=policies_pb2.Assignment(route=request.route, at=AT))

    async def ListDecisions(self, request: Any, context: Any) -> decisions_pb2.ListDecisionsResponse:
        self.asked.append(request)
        told = decisions_pb2.KeptDecision(
            id="dec_1", at=AT, request_id="r1", subject="ann", route="/generate", scorer="card",
            side=ethics_pb2.SIDE_OUTPUT, rule="cards", category="payment_card", score=0.99,
            span=ethics_pb2.Span(start=4, end=23), action=ethics_pb2.ACTION_MASK, policy_name="default",
            policy_version="sha256:d", explanation="Rule cards: masked.",
        )  # fmt: skip
        return decisions_pb2.ListDecisionsResponse(decisions=[told], next_page="n")

    async def SummariseDecisions(
        self, request: Any, context: Any
    ) -> decisions_pb2.SummariseDecisionsResponse:
        self.asked.append(request)
        count = decisions_pb2.DecisionCount(key="mask", count=3)
        return decisions_pb2.SummariseDecisionsResponse(counts=[count])


@pytest.fixture
async def service(short_folder: Path) -> AsyncIterator[tuple[Ethics, Calls]]:
    identity, made = Identity("gateway", short_folder / "identity"), Ethics()
    server = Server(f"unix:{short_folder}/ethics.sock", RPCS, identity)
    server.add(add_EthicsServiceServicer_to_server, EthicsServicer(Bench(), Bench(), SCORERS), FULL_NAME)
    server.add(add_PolicyServiceServicer_to_server, made, POLICIES)
    server.add(add_DecisionServiceServicer_to_server, made, DECISIONS)
    await server.start()
    async with Peer("ethics", server.address, identity) as peer:
        yield made, Calls(peer, identity)
    await server.stop(0)


async def test_policies(service: tuple[Ethics, Calls]) -> None:
    ethics, calls = service
    book = EthicsPolicies(calls)
    (entry,) = await book.entries(CALLER)
    assert (entry.versions[0].created_at, entry.in_use[0].shadow, entry.in_use[0].share) == (None, True, 100)
    found = await book.get(CALLER, "strict", "sha256:a")
    assert (found.name, found.version, found.yaml) == ("strict", VERSION, "x")
    assert await book.put(CALLER, "strict", "x") == (VERSION, True)
    run = await book.dry_run(CALLER, "x", 7)
    changed = ChangedOutcome(MOMENT, "input", "/generate", "mask", "refuse", "none", "My")
    assert (run.screened, run.changed) == (2, (changed,))
    assert ethics.asked == [
        policies_pb2.GetPolicyVersionRequest(name="strict", version="sha256:a"),
        policies_pb2.PutPolicyRequest(name="strict", yaml="x"),
        policies_pb2.DryRunRequest(yaml="x", limit=7),
    ]


async def test_a_policy_s_own_tests(service: tuple[Ethics, Calls]) -> None:
    _, calls = service
    made = await EthicsPolicies(calls).test(CALLER, MASKS)
    assert made.name == "masks"
    (outcome,) = made.outcomes
    (told,) = outcome.explanations
    assert outcome == TrialOutcome(CARD, "output", "refuse", "", False, "mask", "cards", (told,))
    assert told.startswith("Rule cards: ")


async def test_assignments(service: tuple[Ethics, Calls]) -> None:
    ethics, calls = service
    book = EthicsPolicies(calls)
    assert list(await book.assignments(CALLER)) == [ASSIGNED]
    new = NewAssignment("/generate", "strict", "sha256:a", 10, False, "tried", 0)
    assert await book.assign(CALLER, new, "k") == ASSIGNED
    await book.assign(CALLER, NewAssignment("*", "strict", shadow=True), "")
    back = await book.take_back(CALLER, "*", "why", None)
    assert (back.policy, back.stable_counts, back.candidate_counts) == (None, None, None)
    first, second, third = ethics.asked
    assert first == policies_pb2.AssignPolicyRequest(
        route="/generate", name="strict", version="sha256:a", share=10, why="tried", expected_revision=0,
        idempotency_key="k",
    )  # fmt: skip
    assert (first.HasField("expected_revision"), second.HasField("expected_revision")) == (True, False)
    assert (second.share, second.shadow, third.HasField("expected_revision")) == (100, True, False)


async def test_decisions(service: tuple[Ethics, Calls]) -> None:
    ethics, calls = service
    book = EthicsDecisions(calls)
    wanted = DecisionFilter("cards", "mask", "/generate", "r1", datetime(2030, 1, 2, tzinfo=UTC), True)
    page = await book.page(CALLER, wanted, 7, "t")
    assert (page.decisions, page.next_page) == ((KEPT,), "n")
    assert await book.summary(CALLER, DecisionFilter(), "day") == [DecisionCount("mask", 3)]
    asked, summed = ethics.asked
    assert (asked.limit, asked.page, asked.filter) == (7, "t", decisions_pb2.DecisionFilter(
        rule="cards", action=ethics_pb2.ACTION_MASK, route="/generate", request_id="r1", since=AT, shadow=True
    ))  # fmt: skip
    assert summed == decisions_pb2.SummariseDecisionsRequest(
        by=decisions_pb2.SUMMARY_BY_DAY, filter=decisions_pb2.DecisionFilter()
    )
