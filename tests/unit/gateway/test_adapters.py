"""Registry and inference over real gRPC on a socket: what goes over the wire, and that leaving cancels."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from colonnade import rpc
from colonnade.api.engine.v1 import engine_pb2
from colonnade.api.generation.v1 import generation_pb2
from colonnade.api.inference.v1 import inference_pb2, inference_pb2_grpc
from colonnade.api.registry.v1 import manifest_pb2, registry_pb2, registry_pb2_grpc
from colonnade.errors import NotFound, Overloaded, Unavailable
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.adapters.inference import InferenceGenerator
from colonnade.gateway.adapters.probes import DefaultModelProbe, HealthProbe
from colonnade.gateway.adapters.registry import RegistryCatalog
from colonnade.gateway.adapters.texts import InferenceTexts
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.generation import (
    Chunk,
    Finish,
    GenerationSpec,
    Message,
    Rival,
    Sampling,
    Timings,
    Token,
    Usage,
)
from colonnade.gateway.domain.models import AliasTarget, ImportOrder, Target
from colonnade.gateway.domain.structure import Structure
from colonnade.gateway.domain.texts import (
    DetokenizeSpec,
    Embedded,
    EmbeddingSpec,
    Scored,
    ScoredText,
    ScoreSpec,
    Tokenized,
    TokenizeSpec,
)
from colonnade.security.access.inference import RPCS as INFERENCE
from colonnade.security.access.registry import RPCS as REGISTRY
from colonnade.security.identity import Principal, Role
from tests.unit.gateway.fakes import FakeCatalog

ALICE = Principal("acme", "alice", frozenset({Role.MODEL_ENGINEER}), "k1")
TARGET = Target("tiny", 3, "sha256:" + "b" * 64, 100, 2048)
MANIFEST = manifest_pb2.Manifest(
    name="tiny",
    version=3,
    digest=TARGET.digest,
    family="transformer",
    parameters=10,
    size_label="1M",
    context_length=2048,
    artefacts=[
        manifest_pb2.Artefact(path="a", digest="d", size_bytes=3),
        manifest_pb2.Artefact(path="b", digest="d", size_bytes=4),
    ],
)


class Inference(inference_pb2_grpc.InferenceServiceServicer):
    def __init__(self) -> None:
        self.seen: list[tuple[Any, rpc.CallContext]] = []
        self.chunks: list[generation_pb2.Chunk] = []
        self.hang = False
        self.cancelled = asyncio.Event()
        self.error: Exception | None = None
        self.fault: inference_pb2.Fault | None = None

    async def Generate(self, request: Any, context: Any) -> AsyncIterator[Any]:
        self.seen.append((request.generation, rpc.current()))
        if self.error is not None:
            raise self.error
        try:
            for chunk in self.chunks:
                yield inference_pb2.GenerateResponse(chunk=chunk)
            if self.hang:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def GenerateWhole(self, request: Any, context: Any) -> Any:
        self.seen.append((request, rpc.current()))
        if self.error is not None:
            raise self.error
        parts = [inference_pb2.GenerateResponse(chunk=chunk, unlisted_tokens=2) for chunk in self.chunks]
        return inference_pb2.GenerateWholeResponse(parts=parts, fault=self.fault)

    async def Abort(self, request: Any, context: Any) -> Any:
        self.seen.append((request, rpc.current()))
        return inference_pb2.AbortResponse(found=request.request_id == "call-1")

    async def Embed(self, request: Any, context: Any) -> Any:
        self.seen.append((request, rpc.current()))
        vectors = [engine_pb2.Embedding(values=[0.5, -0.25]) for _ in request.texts]
        return inference_pb2.EmbedResponse(embeddings=vectors, prompt_tokens=9)

    async def Score(self, request: Any, context: Any) -> Any:
        self.seen.append((request, rpc.current()))
        token = generation_pb2.Token(id=5, text="x", logprob=-0.5)
        scores = [engine_pb2.ScoredText(tokens=[token], total_logprob=-0.5) for _ in request.texts]
        return inference_pb2.ScoreResponse(scores=scores, prompt_tokens=7)

    async def Tokenize(self, request: Any, context: Any) -> Any:
        self.seen.append((request, rpc.current()))
        return inference_pb2.TokenizeResponse(ids=[5, 6], texts=["a", "b"], context_length=64)

    async def Detokenize(self, request: Any, context: Any) -> Any:
        self.seen.append((request, rpc.current()))
        return inference_pb2.DetokenizeResponse(text="ab")


class Registry(registry_pb2_grpc.RegistryServiceServicer):
    def __init__(self) -> None:
        self.seen: list[Any] = []

    async def Resolve(self, request: Any, context: Any) -> Any:
        self.seen.append((request, rpc.current()))
        if request.reference == "none":
            raise NotFound("there is no model none", field="model")
        targets = [registry_pb2.ResolvedTarget(manifest=MANIFEST, weight=100)]
        return registry_pb2.ResolveResponse(name="tiny", alias="production", targets=targets)

    async def ListModels(self, request: Any, context: Any) -> Any:
        self.seen.append(request)
        return registry_pb2.ListModelsResponse(models=[self._model()], next_page_token="n")

    async def GetModel(self, request: Any, context: Any) -> Any:
        version = registry_pb2.Version(manifest=MANIFEST, created_by="alice", source="a/b.gguf")
        version.created_at.FromSeconds(1_900_000_000)
        return registry_pb2.GetModelResponse(model=self._model(), versions=[version])

    async def SetAlias(self, request: Any, context: Any) -> Any:
        self.seen.append(request)
        return registry_pb2.SetAliasResponse(alias=registry_pb2.Alias(name=request.alias, revision=5))

    async def DeleteAlias(self, request: Any, context: Any) -> Any:
        self.seen.append(request)
        return registry_pb2.DeleteAliasResponse()

    async def ImportModel(self, request: Any, context: Any) -> AsyncIterator[Any]:
        self.seen.append(request)
        yield registry_pb2.ImportModelResponse(stage="convert", fraction=0.5, message="m")
        yield registry_pb2.ImportModelResponse(
            stage="done", fraction=1, version=registry_pb2.Version(manifest=MANIFEST)
        )

    def _model(self) -> registry_pb2.Model:
        target = registry_pb2.AliasTarget(version=3, weight=100)
        alias = registry_pb2.Alias(name="production", targets=[target], revision=1)
        return registry_pb2.Model(name="tiny", aliases=[alias], latest_version=3)


@pytest.fixture
async def folder() -> AsyncIterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="gw"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def identity(folder: Path) -> rpc.Identity:
    return rpc.Identity("gateway", folder / "identity")


@pytest.fixture
async def inference(folder: Path, identity: rpc.Identity) -> AsyncIterator[tuple[Inference, Calls]]:
    servicer, address = Inference(), f"unix:{folder}/i/inference.sock"  # type: ignore[abstract]
    server = rpc.Server(address, INFERENCE, identity)
    server.add(inference_pb2_grpc.add_InferenceServiceServicer_to_server, servicer, "inference")
    await server.start()
    async with rpc.Peer("inference", address, identity) as peer:
        yield servicer, Calls(peer, identity)
    await server.stop(0)


@pytest.fixture
async def registry(folder: Path, identity: rpc.Identity) -> AsyncIterator[tuple[Registry, RegistryCatalog]]:
    servicer, address = Registry(), f"unix:{folder}/r/registry.sock"  # type: ignore[abstract]
    server = rpc.Server(address, REGISTRY, identity)
    server.add(registry_pb2_grpc.add_RegistryServiceServicer_to_server, servicer, "registry")
    await server.start()
    async with rpc.Peer("registry", address, identity) as peer:
        yield servicer, RegistryCatalog(Calls(peer, identity))
    await server.stop(0)


def caller(seconds: float = 30) -> Caller:
    return Caller(ALICE, "req-1", time.monotonic() + seconds)


def last_chunk() -> generation_pb2.Chunk:
    token = generation_pb2.Token(id=5, text="x", logprob=-0.5)
    token.top.add(id=6, text="y", logprob=-1.5)
    chunk = generation_pb2.Chunk(text="x", tokens=[token, generation_pb2.Token(id=7, text="z")])
    chunk.finish.reason = generation_pb2.FINISH_REASON_STOP
    chunk.finish.usage.prompt_tokens = 3
    chunk.finish.usage.completion_tokens = 2
    chunk.finish.timings.queue_seconds = 0.5
    chunk.finish.seed = 2**64 - 1
    chunk.finish.stop = "!"
    return chunk


async def test_texts_over_the_wire(inference: tuple[Inference, Calls]) -> None:
    servicer, calls = inference
    texts = InferenceTexts(calls)
    embedded = await texts.embed(caller(), EmbeddingSpec(("a", "b"), truncate=True), TARGET)
    assert embedded == Embedded(((0.5, -0.25), (0.5, -0.25)), 9)
    scored = await texts.score(caller(), ScoreSpec(("t",), "c"), TARGET)
    assert scored == Scored((ScoredText((Token(5, "x", -0.5),), -0.5),), 7)
    spec = TokenizeSpec("t", special_tokens=False, with_texts=True)
    assert await texts.tokenize(caller(), spec, TARGET) == Tokenized((5, 6), ("a", "b"), 64)
    asked = servicer.seen[-1][0]
    assert (asked.text, asked.add_special_tokens, asked.with_texts) == ("t", False, True)
    chat = TokenizeSpec(messages=(Message("user", "hi"),))
    await texts.tokenize(caller(), chat, TARGET)
    assert [each.content for each in servicer.seen[-1][0].chat.messages] == ["hi"]
    assert await texts.detokenize(caller(), DetokenizeSpec((5, 6)), TARGET) == "ab"
    (embed, context), (score, _), *_ = servicer.seen
    assert (list(embed.texts), embed.truncate, embed.model.digest) == (["a", "b"], True, TARGET.digest)
    assert (score.context, list(score.texts), score.model.version) == ("c", ["t"], TARGET.version)
    assert context.principal == ALICE


async def test_a_generation_over_the_wire(inference: tuple[Inference, Calls]) -> None:
    servicer, calls = inference
    servicer.chunks = [generation_pb2.Chunk(text="a"), last_chunk()]
    sampling = Sampling(0.5, 7, 0.75, 0.25, 1.5, 2**63 - 1)
    spec = GenerationSpec(
        messages=(Message("user", "hi"),), sampling=sampling, max_tokens=9, stop=("!",), logprobs=0
    )
    chunks = [chunk async for chunk in InferenceGenerator(calls).stream(caller(), spec, TARGET)]
    tokens = (Token(5, "x", -0.5, (Rival(6, "y", -1.5),)), Token(7, "z"))
    ending = Finish("stop", Usage(3, 2), Timings(queue=0.5), 2**64 - 1, "!")
    assert chunks == [Chunk("a"), Chunk("x", tokens, ending)]
    ((sent, context),) = servicer.seen
    assert context.principal == ALICE
    assert context.request_id == sent.request_id == "req-1"
    assert context.deadline is not None
    assert (sent.model.name, sent.model.version, sent.model.digest) == ("tiny", 3, TARGET.digest)
    assert [(m.role, m.content) for m in sent.chat.messages] == [("user", "hi")]
    assert sent.WhichOneof("input") == "chat"
    assert (sent.max_tokens, list(sent.stop), sent.logprobs) == (9, ["!"], 0)
    assert sent.sampling.seed == 2**63 - 1
    assert (sent.sampling.temperature, sent.sampling.top_k, sent.sampling.top_p) == (0.5, 7, 0.75)


def whole(seconds: float = 30) -> Caller:
    return replace(caller(seconds), whole=True)


async def test_what_is_shown_at_its_end_comes_in_one_message(inference: tuple[Inference, Calls]) -> None:
    servicer, calls = inference
    servicer.chunks = [generation_pb2.Chunk(text="ab", finish=last_chunk().finish)]
    stream = InferenceGenerator(calls).stream(whole(), GenerationSpec(prompt="p"), TARGET)
    [chunk] = [chunk async for chunk in stream]
    assert (chunk.text, chunk.tokens, chunk.count) == ("ab", (), 2)
    assert chunk.finish is not None
    ((sent, context),) = servicer.seen
    assert sent.request.generation.model.digest == TARGET.digest
    assert (context.principal, context.request_id) == (ALICE, "req-1")
    assert context.deadline is not None
    assert context.deadline - time.monotonic() > sent.seconds > 0, "time is left to say what came of it"


async def test_log_probabilities_come_bit_by_bit(inference: tuple[Inference, Calls]) -> None:
    servicer, calls = inference
    servicer.chunks = [generation_pb2.Chunk(text="a"), last_chunk()]
    spec = GenerationSpec(prompt="p", logprobs=1)
    assert len([chunk async for chunk in InferenceGenerator(calls).stream(whole(), spec, TARGET)]) == 2


async def test_what_broke_off_is_told_before_why(inference: tuple[Inference, Calls]) -> None:
    servicer, calls = inference
    servicer.chunks = [generation_pb2.Chunk(text="a")]
    servicer.fault = inference_pb2.Fault(code="unavailable", message="gone", details='{"x": 1}')
    stream = InferenceGenerator(calls).stream(whole(), GenerationSpec(prompt="p"), TARGET)
    assert (await anext(stream)).count == 2
    with pytest.raises(Unavailable, match="gone") as caught:
        await anext(stream)
    assert caught.value.details == {"x": 1}


async def test_a_deadline_that_is_past_is_one_still(inference: tuple[Inference, Calls]) -> None:
    servicer, calls = inference
    servicer.chunks = [last_chunk()]
    stream = InferenceGenerator(calls).stream(whole(-1), GenerationSpec(prompt="p"), TARGET)
    _ = [chunk async for chunk in stream]
    assert 0 < servicer.seen[0][0].seconds < 1


async def test_what_shapes_an_answer_goes_over_the_wire(inference: tuple[Inference, Calls]) -> None:
    servicer, calls = inference
    servicer.chunks = [generation_pb2.Chunk(text="a", index=1)]
    spec = GenerationSpec(
        prompt="p",
        sampling=Sampling(frequency_penalty=0.5, presence_penalty=-0.25, logit_bias={7: -100.0}),
        structure=Structure(regex="[ab]"),
        n=3,
    )
    chunks = [chunk async for chunk in InferenceGenerator(calls).stream(caller(), spec, TARGET)]
    assert chunks == [Chunk("a", index=1)]
    sent = servicer.seen[0][0]
    assert (sent.sampling.frequency_penalty, sent.sampling.presence_penalty) == (0.5, -0.25)
    assert dict(sent.sampling.logit_bias) == {7: -100.0}
    assert (sent.structure.WhichOneof("form"), sent.structure.regex, sent.n) == ("regex", "[ab]", 3)


async def test_a_generation_is_aborted_by_the_id_that_it_was_sent_with(
    inference: tuple[Inference, Calls],
) -> None:
    """Not by the request id, which a client may choose twice."""
    servicer, calls = inference
    servicer.chunks = [last_chunk()]
    generator, mine = InferenceGenerator(calls), replace(caller(), call_id="call-1")
    spec = GenerationSpec(prompt="p", priority=-3)
    assert [chunk async for chunk in generator.stream(mine, spec, TARGET)]
    assert await generator.abort(mine)
    assert not await generator.abort(caller())
    (sent, _), (aborted, context), (other, _) = servicer.seen
    assert (sent.request_id, sent.priority) == ("call-1", -3)
    assert (aborted.request_id, other.request_id) == ("call-1", "req-1")
    assert context.principal == ALICE


async def test_what_is_absent_stays_absent(inference: tuple[Inference, Calls]) -> None:
    servicer, calls = inference
    servicer.chunks = [last_chunk()]
    spec = GenerationSpec(prompt="p")
    assert len([chunk async for chunk in InferenceGenerator(calls).stream(caller(), spec, TARGET)]) == 1
    sent = servicer.seen[0][0]
    assert sent.prompt == "p"
    assert not sent.HasField("logprobs")
    assert not sent.sampling.HasField("seed")
    assert not sent.HasField("structure")


async def test_closing_the_stream_cancels_the_call_at_once(inference: tuple[Inference, Calls]) -> None:
    servicer, calls = inference
    servicer.chunks, servicer.hang = [generation_pb2.Chunk(text="a")], True
    stream = InferenceGenerator(calls).stream(caller(), GenerationSpec(prompt="p"), TARGET)
    async with aclosing(stream):
        await anext(stream)
    await asyncio.wait_for(servicer.cancelled.wait(), 5)


async def test_the_stream_may_be_closed_in_another_task(inference: tuple[Inference, Calls]) -> None:
    servicer, calls = inference
    servicer.chunks, servicer.hang = [generation_pb2.Chunk(text="a")], True
    stream = InferenceGenerator(calls).stream(caller(), GenerationSpec(prompt="p"), TARGET)
    await anext(stream)
    await asyncio.create_task(stream.aclose())
    await asyncio.wait_for(servicer.cancelled.wait(), 5)


async def test_errors_come_back_as_raised(inference: tuple[Inference, Calls]) -> None:
    servicer, calls = inference
    servicer.error = Overloaded("full", retry_after_seconds=3)
    with pytest.raises(Overloaded) as caught:
        await anext(InferenceGenerator(calls).stream(caller(), GenerationSpec(prompt="p"), TARGET))
    assert caught.value.details["retry_after_seconds"] == 3


async def test_a_service_that_is_away(folder: Path, identity: rpc.Identity) -> None:
    async with rpc.Peer("inference", f"unix:{folder}/nobody.sock", identity) as peer:
        generator = InferenceGenerator(Calls(peer, identity))
        with pytest.raises(Unavailable):
            await anext(generator.stream(caller(), GenerationSpec(prompt="p"), TARGET))
        assert "not reachable" in await HealthProbe(peer).check()
        catalog = RegistryCatalog(Calls(peer, identity))
        assert await DefaultModelProbe(catalog).check()


async def test_that_there_is_a_model_is_asked_now_and_then() -> None:
    now, catalog = [100.0], FakeCatalog()
    probe = DefaultModelProbe(catalog, kept_seconds=10, clock=lambda: now[0])
    catalog.error = NotFound("no model yet")
    assert [await probe.check() for _ in range(2)] == ["no model yet"] * 2
    catalog.error = None
    assert [await probe.check() for _ in range(3)] == [""] * 3
    assert len(catalog.calls) == 3
    now[0] += 10
    catalog.error = Unavailable("away")
    assert await probe.check() == "away"


async def test_probes(registry: tuple[Registry, RegistryCatalog], inference: tuple[Inference, Calls]) -> None:
    servicer, catalog = registry
    assert await DefaultModelProbe(catalog).check() == ""
    assert servicer.seen[0][1].principal.roles == {Role.SERVICE}
    probe = HealthProbe(inference[1].peer)
    assert probe.name == "inference"
    assert "starting" in await probe.check()


async def test_the_catalogue_over_the_wire(registry: tuple[Registry, RegistryCatalog]) -> None:
    servicer, catalog = registry
    found = await catalog.resolve(caller(), "tiny", "1M")
    assert (found.name, found.alias, found.targets) == ("tiny", "production", (TARGET,))
    request, context = servicer.seen.pop()
    assert (request.reference, request.size_label, context.principal) == ("tiny", "1M", ALICE)
    with pytest.raises(NotFound):
        await catalog.resolve(caller(), "none", "")
    page = await catalog.list_models(caller(), 5, "t")
    assert page.next_page_token == "n"
    assert page.models[0].aliases[0].targets == (AliasTarget(3, 100),)
    assert page.models[0].created_at is None
    detail = await catalog.get(caller(), "tiny")
    assert detail.versions[0].size_bytes == 7
    assert detail.versions[0].created_at is not None
    assert detail.versions[0].created_at.year == 2030


async def test_changes_over_the_wire(registry: tuple[Registry, RegistryCatalog]) -> None:
    servicer, catalog = registry
    alias = await catalog.set_alias(caller(), "tiny", "a", [AliasTarget(1, 40), AliasTarget(2, 60)], 0)
    assert alias.revision == 5
    sent = servicer.seen[-1]
    assert [(target.version, target.weight) for target in sent.targets] == [(1, 40), (2, 60)]
    assert sent.HasField("expected_revision")
    await catalog.set_alias(caller(), "tiny", "a", [AliasTarget(1, 100)], None)
    assert not servicer.seen[-1].HasField("expected_revision")
    await catalog.delete_alias(caller(), "tiny", "a")
    assert servicer.seen[-1].alias == "a"
    order = ImportOrder("src", "tiny", "production", "d", "key")
    steps = [step async for step in catalog.import_model(caller(), order)]
    assert [step.stage for step in steps] == ["convert", "done"]
    assert steps[-1].version is not None
    assert steps[-1].version.version == 3
    sent = servicer.seen[-1]
    assert (sent.source, sent.name, sent.alias, sent.description, sent.idempotency_key) == (
        "src", "tiny", "production", "d", "key",
    )  # fmt: skip
