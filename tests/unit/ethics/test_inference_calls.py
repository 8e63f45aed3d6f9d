"""Vectors and likelihoods, asked of the inference service: by the content of a version, and checked."""

from typing import Any

import pytest

from colonnade.api.engine.v1.engine_pb2 import Embedding, ScoredText
from colonnade.api.generation.v1.generation_pb2 import ModelRef
from colonnade.api.inference.v1 import inference_pb2
from colonnade.api.registry.v1 import registry_pb2
from colonnade.api.registry.v1.manifest_pb2 import Manifest
from colonnade.errors import NotFound, Unavailable
from colonnade.ethics.adapters.inference_calls import InferenceEmbedder, InferenceJudge, Resolved


class FakeChannel:
    """Of gRPC, what a stub takes to be made."""

    def __getattr__(self, name: str) -> Any:
        return lambda method, **_: method


class FakePeer:
    """Answers what it was told to, and keeps what it was asked."""

    channel = FakeChannel()

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), list[Any]()

    async def unary(self, method: Any, request: Any, response_type: Any, **_: Any) -> Any:
        self.asked.append(request)
        return self.answers.pop(0)


def embedded(*rows: tuple[float, ...]) -> inference_pb2.EmbedResponse:
    return inference_pb2.EmbedResponse(embeddings=[Embedding(values=row) for row in rows])


async def test_texts_go_in_batches_to_the_content_that_was_learned_with() -> None:
    peer: Any = FakePeer(embedded(*[(3.0, 4.0)] * 64), embedded((0.0, 2.0)))
    found = await InferenceEmbedder(peer, "sha256:x").embed(["text"] * 65)
    assert [len(each.texts) for each in peer.asked] == [64, 1]
    assert {each.model.digest for each in peer.asked} == {"sha256:x"}
    assert (found.model, str(found.vectors.dtype), len(found.vectors)) == ("sha256:x", "float32", 65)
    assert found.vectors[0].tolist() == pytest.approx([0.6, 0.8])
    assert found.vectors[-1].tolist() == [0, 1]


async def test_too_few_vectors_are_refused() -> None:
    peer: Any = FakePeer(embedded((1.0, 0.0)))
    with pytest.raises(Unavailable, match="another number"):
        await InferenceEmbedder(peer, "sha256:x").embed(["a", "b"])


async def test_the_judge_is_asked_of_the_version_with_most_weight_which_is_remembered_for_a_moment() -> None:
    targets = [
        registry_pb2.ResolvedTarget(weight=weight, manifest=Manifest(name="m", version=1, digest=digest))
        for weight, digest in ((10, "sha256:few"), (90, "sha256:most"))
    ]
    now, scores = 0.0, [ScoredText(total_logprob=-1.0), ScoredText(total_logprob=-2.0)]
    registry: Any = FakePeer(*[registry_pb2.ResolveResponse(targets=targets)] * 2)
    inference: Any = FakePeer(*[inference_pb2.ScoreResponse(scores=scores)] * 3)
    judge = InferenceJudge(inference, Resolved(registry, "m", clock=lambda: now + 100))
    assert await judge.likelihoods("Is it?", [" yes", " no"]) == [-1.0, -2.0]
    await judge.likelihoods("Is it?", [" yes", " no"])
    assert len(registry.asked) == 1
    now = 60.0
    await judge.likelihoods("Is it?", [" yes", " no"])
    assert len(registry.asked) == 2
    assert inference.asked[0].model == ModelRef(name="m", version=1, digest="sha256:most")


async def test_without_a_model_the_setting_is_named() -> None:
    registry: Any = FakePeer(registry_pb2.ResolveResponse())
    with pytest.raises(NotFound, match="no model to judge with"):
        await Resolved(registry, "").ref()
