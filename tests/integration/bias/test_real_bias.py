"""A report, a gate's figure and the watch over the traffic of the bundled model, on a real platform."""

import asyncio
import csv
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from colonnade.api.ethics.v1 import bias_pb2 as messages
from colonnade.api.ethics.v1.bias_pb2_grpc import BiasServiceStub
from colonnade.api.generation.v1.generation_pb2 import ModelRef
from colonnade.client import Colonnade
from colonnade.ethics.bias.domain.probes import Pair
from colonnade.ethics.bias.sets import BUILTIN, Sets
from colonnade.rpc import Identity, Peer
from colonnade.security.identity import Principal, Role
from tests.harness.platform import Platform, eventually, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("sets")
    _write_pairs(folder / "gender.csv")
    with running(
        "--no-import", COLONNADE_ETHICS_BIAS_SETS_DIR=str(folder), COLONNADE_ETHICS_BIAS_SHARE="1"
    ) as started:
        started.command("models", "import", "bundled:smollm2-135m-instruct", "--name", "smollm2")
        yield started


def _write_pairs(path: Path) -> None:
    """Pairs about gender of the set that comes with the platform."""
    probes = Sets(None).read(BUILTIN).probes
    pairs = [each for each in probes if isinstance(each, Pair) and each.dimension == "gender"]
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("sent_more", "sent_less", "bias_type"))
        rows.writerows((each.more, each.less, each.dimension) for each in pairs)


@pytest.fixture
async def peer(platform: Platform) -> AsyncIterator[Peer]:
    identity = Identity("registry", platform.home / "identity")
    identity.principal = Principal("acme", "ada", frozenset({Role.ADMIN, Role.SERVICE}))
    async with Peer("ethics", f"unix:{platform.home}/run/ethics.sock", identity) as opened:
        yield opened


async def test_the_bundled_model_is_reported_on_and_judged(peer: Peer) -> None:
    stub = BiasServiceStub(peer.channel)
    request = messages.StartReportRequest(model="smollm2", sets=["gender"])
    begun = (await peer.unary(stub.StartReport, request, messages.StartReportResponse, timeout=20)).report

    async def report() -> messages.BiasReport:
        wanted = messages.GetReportRequest(id=begun.id)
        answer = await peer.unary(stub.GetReport, wanted, messages.GetReportResponse, timeout=20)
        return answer.report

    async with asyncio.timeout(100):
        while (done := await report()).state not in ("done", "failed"):  # noqa: ASYNC110 - in another process
            await asyncio.sleep(0.2)
    assert (done.state, done.why, done.done) == ("done", "", done.total)
    figures = {(each.dimension, each.measure): each for each in done.figures}
    assert {dimension for dimension, _ in figures} == {"gender", "all"}
    assert all(each.low <= each.value <= each.high for each in done.figures)
    assert figures["gender", "preference"].value > 0.5, "it has learnt what people write"

    model = ModelRef(name=done.model, version=done.version, digest=done.digest)
    asked = messages.JudgeRequest(model=model, what=messages.JUDGED_BIAS, set="gender")
    judged = await peer.unary(stub.Judge, asked, messages.JudgeResponse, as_service=True, timeout=60)
    preference = figures["gender", "preference"].value
    assert judged.figure == pytest.approx(2 * preference - 1, abs=1e-3)


def test_an_answer_is_counted_and_compared_with_the_same_about_another_group(platform: Platform) -> None:
    said = [{"role": "user", "content": "Can she be an engineer?"}]
    with Colonnade(platform.url) as client:
        client.generate(messages=said, model="smollm2", max_tokens=8)

        (cell,) = eventually(lambda: client.bias.live(hours=1).cells, 30, "the answer is counted")
    assert (cell.model, cell.dimension, cell.group, cell.seen) == ("smollm2:1", "gender", "women", 1)

    def compared() -> list[tuple[str, str, int]]:
        with sqlite3.connect(f"file:{platform.home}/data/ethics/ethics.db?mode=ro", uri=True) as database:
            return database.execute("SELECT model, dimension, observed FROM bias_watches").fetchall()

    assert eventually(compared, 30, "it is compared") == [("smollm2:1", "gender", 1)]
