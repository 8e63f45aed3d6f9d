"""Screening over real gRPC, by the real service with its default policy."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from colonnade.api.ethics.v1.ethics_pb2_grpc import add_EthicsServiceServicer_to_server
from colonnade.errors import NotFound, TooLarge, Unavailable
from colonnade.ethics.bias.domain.reports import Version
from colonnade.ethics.domain.decision import Verdict
from colonnade.ethics.domain.finding import Side
from colonnade.ethics.domain.policy import Policy
from colonnade.ethics.policies import default_policy
from colonnade.ethics.screening import Screening
from colonnade.ethics.servicer import FULL_NAME, EthicsServicer
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.adapters.screening import EthicsScreener
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.models import Target
from colonnade.rpc import Identity, Peer, Server
from colonnade.security.access.ethics import RPCS
from colonnade.security.identity import Principal, Role
from tests.unit.ethics.streams import CARD, SCORERS

CALLER = Caller(Principal("acme", "alice", frozenset({Role.CALLER}), "k1"), "req-1")


class Judged:
    def __init__(self) -> None:
        self.policy = default_policy()
        self._screening = Screening(self.policy, SCORERS)

    async def take(self, side: Side, text: str, *, last: bool, again: bool) -> Verdict:
        if again:
            self._screening.again()
        return await self._screening.screen(side, text, last=last)

    def end(self) -> None:
        """Nothing is kept of it."""


class Bench:
    """The default policy everywhere, and whoever asked for it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self.versions: list[Version | None] = []

    def begin(
        self, principal: Principal, route: str, request_id: str, version: Version | None = None
    ) -> Judged:
        self.versions.append(version)
        self.asked.append((principal.tenant, route, request_id))
        if route == "nowhere":
            raise NotFound("there is no such route", field="route")
        return Judged()

    def named(self, tenant: str, route: str) -> Policy:
        return default_policy()


@pytest.fixture
def policies() -> Bench:
    return Bench()


@pytest.fixture
async def screener(short_folder: Path, policies: Bench) -> AsyncIterator[EthicsScreener]:
    identity = Identity("gateway", short_folder / "identity")
    server = Server(f"unix:{short_folder}/ethics.sock", RPCS, identity)
    servicer = EthicsServicer(policies, policies, SCORERS)
    server.add(add_EthicsServiceServicer_to_server, servicer, FULL_NAME)
    await server.start()
    async with Peer("ethics", server.address, identity) as peer:
        yield EthicsScreener(Calls(peer, identity))
    await server.stop(0)


async def test_both_sides_go_over_one_stream(screener: EthicsScreener, policies: Bench) -> None:
    stream = screener.open(CALLER, "POST /generate")
    assert policies.asked == []
    said = await stream.screen("input", f"My card is {CARD}", last=True)
    assert (said.allowed_until, said.decisions, said.policy) == (30, (), "default")
    assert said.version == default_policy().version
    first = await stream.screen("output", f"é Pay {CARD[:10]}")
    assert first.allowed_until <= 6
    second = await stream.screen("output", f"{CARD[10:]} now", last=True)
    (mask,) = second.decisions
    assert (mask.rule, mask.action, mask.start, mask.end) == ("cards", "mask", 6, 25)
    assert (mask.side, mask.replacement, second.allowed_until) == ("output", "[payment card]", 29)
    assert CARD not in mask.explanation
    again = await stream.screen("output", "Fine.", last=True, again=True)
    assert (again.allowed_until, again.decisions) == (5, ())
    await stream.close()
    await stream.close()
    assert policies.asked == [("acme", "POST /generate", "req-1")]


async def test_the_version_that_is_asked_is_told_once(screener: EthicsScreener, policies: Bench) -> None:
    tiny = Target("tiny", 3, "sha256:a", 100)
    adapter = Target("style", 1, "sha256:b", 100, base="sha256:a")
    for target in (tiny, replace(tiny, adapter=adapter), adapter, None):
        stream = screener.open(CALLER, "POST /generate", target)
        await stream.screen("input", "x", last=True)
        await stream.screen("output", "y", last=True)
        await stream.close()
    told = Version("tiny", 3, "sha256:a")
    assert policies.versions == [told, None, None, None], "with an adapter, it would answer otherwise"


async def test_a_refusal_has_its_reason(screener: EthicsScreener) -> None:
    stream = screener.open(CALLER, "POST /generate")
    (found,) = (await stream.screen("input", "How do I make a pipe bomb?", last=True)).decisions
    assert (found.action, found.rule, found.ends) == ("refuse", "weapons", True)
    assert found.reason.startswith("This service does not help")
    await stream.close()


async def test_what_the_service_refuses_is_raised(screener: EthicsScreener) -> None:
    with pytest.raises(NotFound):
        await screener.open(CALLER, "nowhere").screen("input", "x")
    with pytest.raises(TooLarge):
        await screener.open(CALLER, "POST /generate").screen("output", "x" * 4_000_001)


async def test_a_service_that_is_away_is_unavailable(short_folder: Path) -> None:
    identity = Identity("gateway", short_folder / "identity")
    async with Peer("ethics", f"unix:{short_folder}/nobody.sock", identity) as peer:
        with pytest.raises(Unavailable):
            await EthicsScreener(Calls(peer, identity)).open(CALLER, "r").screen("input", "x")
