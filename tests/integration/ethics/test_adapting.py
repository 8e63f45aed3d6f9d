"""A tiny model is taught what people prefer, measured, and proposed, on a real platform."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from colonnade.api.ethics.v1 import adapting_pb2 as messages
from colonnade.api.ethics.v1.adapting_pb2_grpc import AdaptingServiceStub
from colonnade.client import Colonnade
from colonnade.rpc import Identity, Peer
from colonnade.security.identity import HOME_TENANT, Principal, Role
from tests.harness.platform import Platform, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
ENDED = ("proposed", "failed", "cancelled")


@pytest.fixture
def platform(tmp_path: Path, tiny_model: Path) -> Iterator[Platform]:
    rows = tmp_path / "rows"
    rows.mkdir()
    with running(
        "--no-import", COLONNADE_ETHICS_ADAPTATIONS_DIR=str(rows), COLONNADE_TRAINING_READS=str(rows),
        COLONNADE_REGISTRY_IMPORT_ROOTS=str(tmp_path), COLONNADE_TRAINING_WORKER_THREADS="1",
    ) as started:  # fmt: skip
        started.command("models", "import", str(tiny_model), "--name", "tiny")
        started.command("models", "import", "bundled:all-minilm-l6-v2", "--name", "minilm")
        yield started


@pytest.fixture
async def peer(platform: Platform) -> AsyncIterator[Peer]:
    identity = Identity("gateway", platform.home / "identity")
    identity.principal = Principal(HOME_TENANT, "ada", frozenset({Role.ADMIN}))
    async with Peer("ethics", f"unix:{platform.home}/run/ethics.sock", identity) as opened:
        yield opened


async def test_what_people_prefer_becomes_a_proposal(platform: Platform, peer: Peer, tmp_path: Path) -> None:
    await asyncio.to_thread(_given, platform.url)
    stub = AdaptingServiceStub(peer.channel)
    plan = messages.AdaptationPlan(model="tiny", prompts=["Is the dog lazy?"], steps=2)
    request = messages.StartAdaptationRequest(plan=plan, idempotency_key="once")
    begun = (await peer.unary(stub.StartAdaptation, request, messages.StartAdaptationResponse)).adaptation
    assert begun.plan.version == 1

    async def found() -> messages.Adaptation:
        wanted = messages.GetAdaptationRequest(id=begun.id)
        return (await peer.unary(stub.GetAdaptation, wanted, messages.GetAdaptationResponse)).adaptation

    async with asyncio.timeout(200):
        while (done := await found()).state not in ENDED:  # noqa: ASYNC110 - in another process
            await asyncio.sleep(0.2)
    assert (done.state, done.why) == ("proposed", "")
    assert {each.source: each.tried for each in done.pairs} == {
        "feedback": 3, "best_of_n": 1, "revision": 1,
    }  # fmt: skip
    assert done.pairs[0].pairs == 3
    assert {each.measure: each.count for each in done.figures} == {
        "harm": 20, "refusal": 20, "perplexity": 10,
    }  # fmt: skip
    assert not list((tmp_path / "rows").iterdir()), "the rows are gone"
    with Colonnade(platform.url) as client:
        rollout = await asyncio.to_thread(client.rollouts.get, done.rollout)
    assert (rollout.model, rollout.candidate, rollout.alias) == ("tiny", done.adapted, "production")
    assert done.adapted == 2


def _given(url: str) -> None:
    with Colonnade(url) as client:
        for number in range(3):
            asked = [{"role": "user", "content": f"Is fox {number} lazy?"}]
            given = client.feedback.give(
                kind="preference", messages=asked, chosen="The fox is quick.", rejected="Lazy dog!"
            )
            client.feedback.accept(given.id)
