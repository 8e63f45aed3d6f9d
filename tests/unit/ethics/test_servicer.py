"""Screening over real gRPC on a socket."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from colonnade.api.ethics.v1 import ethics_pb2 as messages
from colonnade.api.ethics.v1.ethics_pb2_grpc import EthicsServiceStub, add_EthicsServiceServicer_to_server
from colonnade.errors import InvalidArgument, NotFound
from colonnade.ethics.bias.domain.reports import Version
from colonnade.ethics.domain.decision import Verdict
from colonnade.ethics.domain.finding import Side
from colonnade.ethics.domain.policy import Policy
from colonnade.ethics.policies import default_policy
from colonnade.ethics.screening import Screening
from colonnade.ethics.servicer import FULL_NAME, EthicsServicer
from colonnade.rpc import Identity, Peer, Server
from colonnade.security.identity import Principal, Role
from tests.unit.ethics.streams import CARD, SCORERS

RPCS = {f"/{FULL_NAME}/{name}": frozenset({Role.SERVICE}) for name in ("Screen", "GetPolicy", "TestPolicy")}
DEFAULT = default_policy()


class Case(Screening):
    """A request that nobody records."""

    async def take(self, side: Side, text: str, *, last: bool, again: bool) -> Verdict:
        if again:
            self.again()
        return await self.screen(side, text, last=last)

    def end(self) -> None:
        """Nothing is kept."""


class Kept:
    """The default policy everywhere, and another name for it on one route."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def begin(
        self, principal: Principal, route: str, request_id: str, version: Version | None = None
    ) -> Case:
        assert request_id
        return Case(self.named(principal.tenant, route), SCORERS)

    def named(self, tenant: str, route: str) -> Policy:
        self.asked.append((tenant, route))
        if route == "nowhere":
            raise NotFound("there is no such route", field="route")
        return replace(DEFAULT, name="strict") if route == "generate" else DEFAULT


@pytest.fixture
def policies() -> Kept:
    return Kept()


@pytest.fixture
async def peer(short_folder: Path, policies: Kept) -> AsyncIterator[Peer]:
    identity = Identity("gateway", short_folder / "identity")
    server = Server(f"unix:{short_folder}/run/ethics.sock", RPCS, identity)
    server.add(add_EthicsServiceServicer_to_server, EthicsServicer(policies, policies, SCORERS), FULL_NAME)
    await server.start()
    async with Peer("ethics", server.address, identity) as connected:
        yield connected
    await server.stop(0)


async def screen(peer: Peer, *requests: messages.ScreenRequest) -> list[messages.ScreenResponse]:
    async def sent() -> AsyncIterator[messages.ScreenRequest]:
        for request in requests:
            yield request

    method = EthicsServiceStub(peer.channel).Screen
    stream = peer.stream(method, sent(), messages.ScreenResponse, as_service=True)
    return [response async for response in stream]


def output(text: str, *, last: bool = False, again: bool = False) -> messages.ScreenRequest:
    return messages.ScreenRequest(side=messages.SIDE_OUTPUT, text=text, last=last, again=again)


async def test_a_request_is_screened_on_one_stream(peer: Peer, policies: Kept) -> None:
    asked, first, second = await screen(
        peer,
        messages.ScreenRequest(
            side=messages.SIDE_INPUT, text="What is my card?", last=True, route="generate"
        ),
        output(f"It is {CARD[:9]}"),
        output(f"{CARD[9:]} as you said", last=True),
    )
    assert (asked.allowed_until, asked.ended, asked.policy_name) == (16, True, "strict")
    assert asked.policy_version == DEFAULT.version
    assert (first.side, len(first.decisions)) == (messages.SIDE_OUTPUT, 0)
    assert 0 < first.allowed_until <= 6
    (decision,) = second.decisions
    assert (second.allowed_until, second.ended) == (37, True)
    assert (decision.span.start, decision.span.end, decision.action) == (6, 25, messages.ACTION_MASK)
    assert (decision.rule, decision.scorer, decision.category) == ("cards", "card", "payment_card")
    assert (decision.replacement, decision.policy_version) == ("[payment card]", DEFAULT.version)
    assert decision.explanation.startswith("Rule cards: a payment card number")
    assert [route for _, route in policies.asked] == ["generate"]


async def test_an_answer_that_is_asked_for_again_begins_anew(peer: Peer) -> None:
    refused, better = await screen(
        peer, output("You should just kill yourself."), output("Talk to somebody.", last=True, again=True)
    )
    assert (refused.ended, refused.decisions[0].action) == (True, messages.ACTION_REGENERATE)
    assert refused.decisions[0].guidance.startswith("Do not tell anybody")
    assert (better.allowed_until, better.ended) == (17, True)


async def test_what_is_wrong_with_a_message_is_told(peer: Peer) -> None:
    with pytest.raises(InvalidArgument, match="side must be SIDE_INPUT or SIDE_OUTPUT"):
        await screen(peer, messages.ScreenRequest(text="x"))
    with pytest.raises(InvalidArgument, match="route belongs into the first message"):
        await screen(peer, output("a"), messages.ScreenRequest(side=messages.SIDE_OUTPUT, route="other"))
    with pytest.raises(InvalidArgument, match="the output has ended"):
        await screen(peer, output("a", last=True), output("b"))
    with pytest.raises(NotFound):
        await screen(peer, messages.ScreenRequest(side=messages.SIDE_INPUT, route="nowhere"))


async def test_a_policy_is_shown_as_it_was_written(peer: Peer) -> None:
    request = messages.GetPolicyRequest(route="other")
    shown = await peer.unary(
        EthicsServiceStub(peer.channel).GetPolicy, request, messages.GetPolicyResponse, as_service=True
    )
    assert (shown.name, shown.version, shown.yaml) == ("default", DEFAULT.version, DEFAULT.source)


async def test_a_policy_is_tested_before_it_is_used(peer: Peer) -> None:
    method = EthicsServiceStub(peer.channel).TestPolicy
    text = (
        "{name: p, rules: [{id: cards, scorer: card, action: mask, replacement: x}], "
        f"tests: [{{text: '{CARD}', side: input, expect: {{action: allow}}}}]}}"
    )
    answer = await peer.unary(
        method, messages.TestPolicyRequest(yaml=text), messages.TestPolicyResponse, as_service=True
    )
    (outcome,) = answer.outcomes
    assert (outcome.passed, outcome.expected_action, outcome.action, outcome.rule) == (
        False, messages.ACTION_ALLOW, messages.ACTION_MASK, "cards",
    )  # fmt: skip
    bad = messages.TestPolicyRequest(yaml=text.replace("card,", "cart,"))
    with pytest.raises(InvalidArgument, match=r"rules\.0\.scorer: there is no scorer cart"):
        await peer.unary(method, bad, messages.TestPolicyResponse, as_service=True)


async def test_who_is_not_known_is_not_screened(peer: Peer) -> None:
    call = EthicsServiceStub(peer.channel).Screen(iter([output("a")]))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call.read()
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
