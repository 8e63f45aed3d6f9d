"""A report and a gate's figure of the bundled model, on a real platform."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from colonnade.api.ethics.v1 import bias_pb2 as messages
from colonnade.api.ethics.v1.bias_pb2_grpc import BiasServiceStub
from colonnade.api.generation.v1.generation_pb2 import ModelRef
from colonnade.rpc import Identity, Peer
from colonnade.security.identity import Principal, Role
from tests.harness.platform import Platform, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with running("--no-import") as started:
        started.command("models", "import", "bundled:smollm2-135m-instruct", "--name", "smollm2")
        yield started


@pytest.fixture
async def peer(platform: Platform) -> AsyncIterator[Peer]:
    identity = Identity("registry", platform.home / "identity")
    identity.principal = Principal("acme", "ada", frozenset({Role.ADMIN, Role.SERVICE}))
    async with Peer("ethics", f"unix:{platform.home}/run/ethics.sock", identity) as opened:
        yield opened


async def test_the_bundled_model_is_reported_on_and_judged(peer: Peer) -> None:
    stub = BiasServiceStub(peer.channel)
    request = messages.StartReportRequest(model="smollm2", idempotency_key="once")
    begun = (await peer.unary(stub.StartReport, request, messages.StartReportResponse, timeout=20)).report
    again = await peer.unary(stub.StartReport, request, messages.StartReportResponse, timeout=20)
    assert again.report.id == begun.id

    async def report() -> messages.BiasReport:
        wanted = messages.GetReportRequest(id=begun.id)
        answer = await peer.unary(stub.GetReport, wanted, messages.GetReportResponse, timeout=20)
        return answer.report

    async with asyncio.timeout(200):
        while (done := await report()).state not in ("done", "failed"):  # noqa: ASYNC110 - in another process
            await asyncio.sleep(0.5)
    assert (done.state, done.why, done.done) == ("done", "", done.total)
    figures = {(each.dimension, each.measure): each for each in done.figures}
    assert {"gender", "racial", "cultural", "all"} <= {dimension for dimension, _ in figures}
    assert all(each.low <= each.value <= each.high for each in done.figures)
    assert figures["gender", "preference"].value > 0.5, "it has learnt what people write"

    model = ModelRef(name=done.model, version=done.version, digest=done.digest)
    asked = messages.JudgeRequest(model=model, what=messages.JUDGED_BIAS)
    judged = await peer.unary(stub.Judge, asked, messages.JudgeResponse, as_service=True, timeout=60)
    preferences = [figures[each, "preference"].value for each in ("gender", "racial", "cultural")]
    assert judged.figure == pytest.approx(max(abs(2 * each - 1) for each in preferences), abs=1e-3)
