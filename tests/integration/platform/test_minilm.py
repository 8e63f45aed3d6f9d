"""The bundled sentence encoder, from its package to vectors that mean something, through the public door."""

import json
from pathlib import Path

import pytest

from tests.harness.platform import running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PAIRS = [
    ("How do I reset my password?", "I forgot my login details and need to set new ones."),
    ("The stock market fell sharply today.", "Shares dropped steeply on the exchange."),
    ("Photosynthesis turns light into chemical energy.", "Plants make sugar from sunlight."),
]


def test_it_is_imported_by_name_and_embeds(short_folder: Path) -> None:
    with running("--no-import", home=short_folder) as platform:
        platform.command("models", "import", "bundled:all-minilm-l6-v2", "--name", "minilm")
        texts = [text for pair in PAIRS for text in pair]
        done = platform.command("embed", *texts, "--json")
        answer = json.loads(done.stdout)
        assert answer["model"]["name"] == "minilm"
        vectors = [each["embedding"] for each in answer["data"]]
        assert {len(vector) for vector in vectors} == {384}
        for index, vector in enumerate(vectors):
            near = sorted(range(len(vectors)), key=lambda other: -_similarity(vector, vectors[other]))
            assert near[:2] == [index, index ^ 1]
        with platform.client() as client:
            refused = client.post("/generate", json={"prompt": "x", "model": "minilm"})
            too_long = client.post("/embed", json={"input": "word " * 300})
        assert refused.json()["error"]["details"]["capability"] == "generate"
        assert too_long.json()["error"]["details"]["limit"] == 256


def _similarity(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
