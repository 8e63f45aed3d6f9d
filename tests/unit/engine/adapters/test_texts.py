"""Adapters have their part in vectors and scores too."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from colonnade.api.engine.v1 import engine_pb2 as pb
from colonnade.api.generation.v1 import generation_pb2 as gen
from colonnade.errors import NotFound, Unsupported
from colonnade.models.adapters import bank_of
from tests.unit.engine.adapters import made
from tests.unit.engine.served import Served, on_wire, serving


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as engine:
        yield engine


async def embed(served: Served, model: gen.ModelRef) -> pb.EmbedResponse:
    return await served.call("Embed", pb.EmbedRequest(model=model, texts=["a cat"]), pb.EmbedResponse)


async def score(served: Served, model: gen.ModelRef) -> pb.ScoreResponse:
    return await served.call("Score", pb.ScoreRequest(model=model, text="a cat"), pb.ScoreResponse)


async def test_they_change_both_and_are_named(served: Served, tmp_path: Path) -> None:
    model = await served.load("transformer")
    bank = bank_of(served.engine.host.find(model.digest).model)
    assert bank is not None
    manifest = await made.put(served.blobs, bank.sites, model.digest, tmp_path / "a", size=1.0)
    request = pb.LoadAdapterRequest(model_digest=model.digest, manifest=on_wire(manifest))
    await served.call("LoadAdapter", request, pb.LoadAdapterResponse)
    adapted = gen.ModelRef(digest=model.digest, adapter=manifest.ref.digest)
    plain_vector, vector = await embed(served, model), await embed(served, adapted)
    assert plain_vector.embeddings[0].values != vector.embeddings[0].values
    plain_score, scored = await score(served, model), await score(served, adapted)
    assert abs(plain_score.total_logprob - scored.total_logprob) > 1e-3
    for answer, digest in ((vector, adapted.adapter), (scored, adapted.adapter), (plain_vector, "")):
        assert answer.model.adapter == digest


async def test_what_is_not_there_is_refused_by_name(served: Served) -> None:
    model, encoder = await served.load("transformer"), await served.load("encoder")
    digest = "sha256:" + "1" * 64
    for call in (embed, score):
        with pytest.raises(NotFound) as refused:
            await call(served, gen.ModelRef(digest=model.digest, adapter=digest))
        assert refused.value.details["field"] == "model.adapter"
    with pytest.raises(Unsupported) as cannot:
        await embed(served, gen.ModelRef(digest=encoder.digest, adapter=digest))
    assert cannot.value.details["capability"] == "adapters"
