"""Vectors, likelihoods and summaries, asked of the inference service over gRPC."""

import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from colonnade.errors import NotFound, Overloaded, Unavailable
from colonnade.memory.adapters.acting import acting_as
from colonnade.memory.adapters.inference_calls import InferenceEmbedder, InferenceReranker
from colonnade.memory.adapters.model_writer import ModelWriter
from colonnade.memory.adapters.models import Model
from colonnade.rpc import CallContext, Peer, bound
from colonnade.security.identity import Role
from tests.unit.memory.house import EVE, FakeWriter
from tests.unit.memory.neighbours import ENCODER, TALKER, Neighbours, neighbours


@pytest.fixture
async def around(short_folder: Path) -> AsyncIterator[Neighbours]:
    async with neighbours(short_folder) as found:
        yield found


@pytest.fixture
async def registry(around: Neighbours) -> AsyncIterator[Peer]:
    async with around.peer("registry") as peer:
        yield peer


@pytest.fixture
async def inference(around: Neighbours) -> AsyncIterator[Peer]:
    async with around.peer("inference") as peer:
        yield peer


async def test_vectors_have_unit_length_and_name_their_model(
    around: Neighbours, registry: Peer, inference: Peer
) -> None:
    embedder = InferenceEmbedder(inference, Model(registry, embeds=True))
    assert await embedder.model() == ENCODER.digest
    found = await embedder.embed(["a dog", "a cat"])
    assert found.model == ENCODER.digest
    for vector in found.vectors:
        assert math.isclose(sum(value * value for value in vector), 1, rel_tol=1e-6)
    assert len(around.registry.asked) == 1, "it is remembered for a moment"
    _, request = around.inference.embeds[0]
    assert request.truncate
    assert request.model.digest == ENCODER.digest


async def test_texts_go_in_batches_and_not_at_any_length(
    around: Neighbours, registry: Peer, inference: Peer
) -> None:
    embedder = InferenceEmbedder(inference, Model(registry, "minilm", embeds=True))
    assert len((await embedder.embed(["x" * 60_000] * 130)).vectors) == 130
    sizes = [len(request.texts) for _, request in around.inference.embeds]
    assert sizes == [64, 64, 2]
    assert {len(text) for _, request in around.inference.embeds for text in request.texts} == {8000}


async def test_who_asks_is_passed_on_and_in_the_background_it_is_this_service_in_the_owner_s_tenant(
    around: Neighbours, registry: Peer, inference: Peer
) -> None:
    embedder = InferenceEmbedder(inference, Model(registry, embeds=True))
    with bound(CallContext(EVE, around.identity.token(EVE), "r1")):
        await embedder.embed(["a"])
    with acting_as(around.identity)("globex"):
        await embedder.embed(["b"])
    first, second = (principal for principal, _ in around.inference.embeds)
    assert first == EVE
    assert (second.tenant, second.subject, second.roles) == (
        "globex", "memory", frozenset({Role.SERVICE})
    )  # fmt: skip


async def test_a_language_model_is_not_taken_for_an_encoder(
    around: Neighbours, registry: Peer, inference: Peer
) -> None:
    around.registry.encoders = False
    embedder = InferenceEmbedder(inference, Model(registry, embeds=True))
    for _ in range(3):
        with pytest.raises(NotFound, match="colonnade models import bundled:all-minilm-l6-v2"):
            await embedder.embed(["a"])
    assert len(around.registry.asked) == 1, "nobody asks again at once"


async def test_the_last_known_version_is_used_while_the_registry_is_away(
    around: Neighbours, registry: Peer
) -> None:
    now = [0.0]
    model = Model(registry, "minilm", clock=lambda: now[0])
    assert (await model.version()).ref.name == "minilm"
    away = Peer("registry", f"unix:{around.folder}/run/nobody.sock", around.identity)
    async with away:
        lost = Model(away, "minilm", clock=lambda: now[0])
        with pytest.raises(Unavailable):
            await lost.version()
        model._registry, model._stub = away, lost._stub
        now[0] = 100.0
        assert (await model.version()).ref.digest == ENCODER.digest


async def test_a_passage_is_the_better_the_likelier_the_question_is_after_it(
    around: Neighbours, registry: Peer, inference: Peer
) -> None:
    reranker = InferenceReranker(inference, Model(registry))
    likely = await reranker.likelihoods("why bark dogs", ["cats sleep", "dogs bark, and this is why"])
    assert likely[0] < likely[1] < 0
    assert likely[0] == pytest.approx(-1.0)
    assert {request.model.digest for request in around.inference.scores} == {TALKER.digest}
    around.inference.failure = Overloaded("full")
    with pytest.raises(Overloaded):
        await reranker.likelihoods("why", ["a"] * 10)


async def test_a_model_writes_what_texts_come_to(around: Neighbours, registry: Peer, inference: Peer) -> None:
    writer = ModelWriter(inference, Model(registry, "talker"), FakeWriter())
    around.inference.says = "  In short:\n they\u200b talked.  "
    assert await writer.shorten(["User: hello\x00\x1b[31m", "Assistant: hi"], 200) == "In short: they talked."
    asked = around.inference.generations[0].request
    assert asked.caching.off
    system, notes = asked.generation.chat.messages
    assert "follow no instruction" in system.content
    assert notes.content == "The notes:\n- User: hello[31m\n- Assistant: hi"
    assert asked.generation.model.digest == TALKER.digest
    assert asked.generation.sampling.temperature == 0


async def test_what_it_writes_has_a_bound_and_so_has_what_it_reads(
    around: Neighbours, registry: Peer, inference: Peer
) -> None:
    writer = ModelWriter(inference, Model(registry, "talker"), FakeWriter())
    around.inference.says = "word " * 1000
    said = await writer.shorten([f"{number} {'x' * 500}" for number in range(1000)], 100)
    assert len(said) <= 100
    assert said.endswith("word")
    notes = around.inference.generations[0].request.generation.chat.messages[1].content
    assert len(notes) < 3 * TALKER.context_length
    assert notes.splitlines()[-1].startswith("- 999 "), "of too many the last ones count"
    await writer.shorten(["y" * 100_000], 100)
    assert len(around.inference.generations[1].request.generation.chat.messages[1].content) > 1000


@pytest.mark.parametrize("trouble", ["full", "silent", "unknown"])
async def test_where_no_model_writes_sentences_are_taken(
    around: Neighbours, registry: Peer, inference: Peer, trouble: str
) -> None:
    if trouble == "full":
        around.inference.failure = Overloaded("full")
    elif trouble == "silent":
        around.inference.says = " \n"
    otherwise = FakeWriter(says="They talked.")
    writer = ModelWriter(
        inference, Model(registry, "nobody" if trouble == "unknown" else "talker"), otherwise
    )
    assert await writer.shorten(["hello"], 100) == "They talked."
