"""Gates asked over real gRPC: what is asked of the served model, and what its answers come to."""

import json
import math
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from colonnade import rpc
from colonnade.api.engine.v1 import engine_pb2
from colonnade.api.ethics.v1 import bias_pb2, bias_pb2_grpc
from colonnade.api.generation.v1 import generation_pb2
from colonnade.api.inference.v1 import inference_pb2, inference_pb2_grpc
from colonnade.errors import InvalidArgument, Unavailable, Unsupported
from colonnade.registry.adapters.evaluator import Probes, ServedModel
from colonnade.registry.domain import Manifest
from colonnade.registry.rollouts.machine import Outcome
from colonnade.registry.rollouts.plan import Bound, Gate, Probe
from colonnade.security.access import ethics as ethics_access
from colonnade.security.access.inference import RPCS
from colonnade.security.identity import Role
from tests.unit.registry.fakes import content

ONE, TWO = (Manifest("smol", number, content(number).digest, content(number)) for number in (1, 2))
PROBES = Probes.read(None)


class Inference(inference_pb2_grpc.InferenceServiceServicer):
    """Version 1 says what it should; version 2 is no good."""

    def __init__(self) -> None:
        self.asked: list[generation_pb2.Generation] = []
        self.roles: set[Role] = set()
        self.chats = True
        self.says: list[int] | None = None
        """How many tokens each message brings; None for the answer, a token at a time."""

    async def Score(self, request: Any, context: Any) -> Any:
        logprob = -0.5 if request.model.version == 1 else -2.0
        token = generation_pb2.Token(id=1, logprob=logprob)
        scores = [
            engine_pb2.ScoredText(tokens=[generation_pb2.Token(id=0), token, token]) for _ in request.texts
        ]
        return inference_pb2.ScoreResponse(scores=scores)

    async def Generate(self, request: Any, context: Any) -> AsyncIterator[Any]:
        asked = request.generation
        if not self.chats and asked.HasField("chat"):
            raise Unsupported("the model has no form for conversations")
        self.asked.append(asked)
        self.roles |= rpc.current().principal.roles
        if self.says is not None:
            for tokens in self.says:
                many = [generation_pb2.Token(id=1)] * tokens
                yield inference_pb2.GenerateResponse(chunk=generation_pb2.Chunk(tokens=many))
            return
        question = asked.chat.messages[0].content if asked.HasField("chat") else asked.prompt
        right = next((expect for ask, expect in EXPECTED.items() if ask in question), "")
        for text in (right if asked.model.version == 1 else "no idea", " ", "."):
            token = generation_pb2.Token(id=1, text=text)
            yield inference_pb2.GenerateResponse(chunk=generation_pb2.Chunk(text=text, tokens=[token]))


EXPECTED = {task.ask: re.sub(r"\\b|[()]", "", task.expect.split("|")[0]) for task in PROBES.tasks["basics"]}


@pytest.fixture
async def served(short_folder: Path) -> AsyncIterator[tuple[Inference, ServedModel]]:
    identity = rpc.Identity("registry", short_folder / "identity")
    servicer, address = Inference(), f"unix:{short_folder}/i/inference.sock"  # type: ignore[abstract]
    server = rpc.Server(address, RPCS, identity)
    server.add(inference_pb2_grpc.add_InferenceServiceServicer_to_server, servicer, "inference")
    await server.start()
    nobody = f"unix:{short_folder}/i/ethics.sock"
    async with rpc.Peer("inference", address, identity) as peer, rpc.Peer("ethics", nobody, identity) as away:
        yield servicer, ServedModel(peer, away, PROBES)
    await server.stop(0)


@pytest.mark.parametrize(
    ("gate", "good", "bad"),
    [
        (Gate(Probe.PERPLEXITY, Bound(1.2, True)), math.exp(0.5), math.exp(2.0)),
        (Gate(Probe.PERPLEXITY, Bound(3.0)), math.exp(0.5), math.exp(2.0)),
        (Gate(Probe.TASKS, Bound(0.9, True)), 1.0, 0.0),
    ],
    ids=["relative", "own", "tasks"],
)
async def test_figures(served: tuple[Inference, ServedModel], gate: Gate, good: float, bad: float) -> None:
    _, model = served
    passed, failed = await model.ask(gate, ONE, ONE), await model.ask(gate, TWO, ONE)
    assert (passed.outcome, failed.outcome) == (Outcome.PASSED, Outcome.FAILED)
    assert [passed.figure, failed.figure] == pytest.approx([good, bad])
    assert failed.stable == (pytest.approx(good) if gate.bound.relative else None)
    assert f"its bound {gate.bound}" in failed.why


async def test_times(served: tuple[Inference, ServedModel]) -> None:
    servicer, model = served
    first = await model.ask(Gate(Probe.FIRST_TOKEN_P95, Bound(60.0)), ONE, None)
    rate = await model.ask(Gate(Probe.TOKENS_PER_SECOND, Bound(0.001)), ONE, None)
    assert (first.outcome, rate.outcome) == (Outcome.PASSED, Outcome.PASSED)
    assert first.figure is not None
    assert rate.figure is not None
    assert 0 < first.figure < 60 < rate.figure
    assert len({each.chat.messages[0].content for each in servicer.asked}) == 9, "none is remembered"


async def test_a_model_that_says_nothing_is_not_fast(served: tuple[Inference, ServedModel]) -> None:
    servicer, model = served
    servicer.says = [0]
    first = await model.ask(Gate(Probe.FIRST_TOKEN_P95, Bound(60.0)), TWO, None)
    rate = await model.ask(Gate(Probe.TOKENS_PER_SECOND, Bound(0.001)), TWO, None)
    assert (first.outcome, rate.outcome) == (Outcome.FAILED, Outcome.FAILED)
    assert (first.figure, rate.figure) == (None, 0)


async def test_an_answer_that_comes_at_once_has_a_rate(served: tuple[Inference, ServedModel]) -> None:
    servicer, model = served
    servicer.says = [32]
    rate = await model.ask(Gate(Probe.TOKENS_PER_SECOND, Bound(1.0)), ONE, None)
    assert rate.outcome is Outcome.PASSED
    assert rate.figure is not None
    assert rate.figure > 1


async def test_it_asks_as_the_service_gives_way_and_is_not_kept(
    served: tuple[Inference, ServedModel],
) -> None:
    servicer, model = served
    await model.ask(Gate(Probe.TASKS, Bound(0.5)), ONE, None)
    assert servicer.roles == {Role.SERVICE}
    assert {(each.priority, each.sampling.temperature) for each in servicer.asked} == {(-10, 0)}


async def test_a_model_without_conversations_is_asked_for_text(served: tuple[Inference, ServedModel]) -> None:
    servicer, model = served
    servicer.chats = False
    assert (await model.ask(Gate(Probe.TASKS, Bound(1.0)), ONE, None)).figure == 1
    assert servicer.asked[0].prompt.startswith("Question: ")


async def test_what_needs_a_service_that_is_not_there(served: tuple[Inference, ServedModel]) -> None:
    _, model = served
    needed = await model.ask(Gate(Probe.BIAS, Bound(0.1)), ONE, None)
    optional = await model.ask(Gate(Probe.SAFETY, Bound(0.1), required=False), ONE, None)
    assert (needed.outcome, optional.outcome) == (Outcome.FAILED, Outcome.SKIPPED)
    assert "ethics" in needed.why


class Ethics(bias_pb2_grpc.BiasServiceServicer):
    """Version 2 is biased."""

    async def Judge(self, request: Any, context: Any) -> Any:
        assert (request.model.digest, request.set) == (content(request.model.version).digest, "pairs")
        return bias_pb2.JudgeResponse(figure=0.2 if request.model.version == 1 else 0.9)


async def test_the_ethics_service_judges_where_it_is_there(
    short_folder: Path,
) -> None:
    identity = rpc.Identity("registry", short_folder / "identity")
    address = f"unix:{short_folder}/i/judge.sock"
    server = rpc.Server(address, ethics_access.RPCS, identity)
    server.add(bias_pb2_grpc.add_BiasServiceServicer_to_server, Ethics(), "bias")  # type: ignore[abstract]
    await server.start()
    async with rpc.Peer("ethics", address, identity) as judge:
        model, gate = ServedModel(judge, judge, PROBES), Gate(Probe.BIAS, Bound(1.25, True), "pairs")
        fair, biased = await model.ask(gate, ONE, ONE), await model.ask(gate, TWO, ONE)
    await server.stop(0)
    assert (fair.outcome, biased.outcome) == (Outcome.PASSED, Outcome.FAILED)
    assert [biased.figure, biased.stable] == pytest.approx([0.9, 0.2])


async def test_a_set_that_is_not_there_and_a_service_that_is_away(
    served: tuple[Inference, ServedModel], short_folder: Path
) -> None:
    with pytest.raises(InvalidArgument, match="basics"):
        await served[1].ask(Gate(Probe.TASKS, Bound(0.5), "legal"), ONE, None)
    async with rpc.Peer(
        "inference", f"unix:{short_folder}/none.sock", rpc.Identity("r", short_folder / "identity")
    ) as peer:
        with pytest.raises(Unavailable):
            await ServedModel(peer, peer, PROBES).ask(Gate(Probe.TASKS, Bound(0.5)), ONE, None)


def test_sets_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "legal.json").write_text(json.dumps({"texts": ["The party of the first part."]}))
    (tmp_path / "sums.json").write_text(json.dumps({"tasks": [{"ask": "1+1?", "expect": "2"}]}))
    found = Probes.read(tmp_path)
    assert set(found.texts) == {"prose", "legal"}
    assert set(found.tasks) == {"basics", "sums"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"texts": [1]}',
        '{"tasks": [{"ask": "x"}]}',
        '{"tasks": [{"ask": "x", "expect": "("}]}',
    ],
    ids=["empty", "list", "nothing", "number", "no-expect", "regex"],
)
def test_a_set_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "legal.json").write_text(text)
    with pytest.raises(InvalidArgument, match=r"legal\.json"):
        Probes.read(tmp_path)
