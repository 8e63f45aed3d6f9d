"""Pieces of Linux' and Python's documentation, embedded by the platform's own encoder; and as many more as
are asked for: neighbours of those, each with a vector near its original's and some words of another piece."""

import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from colonnade.client import Colonnade
from colonnade.memory.adapters.reading.pieces import Cut, pieces
from colonnade.memory.domain.documents import Read
from colonnade.storage.bundled import MINILM
from evidence.performance import model
from evidence.performance.engines.process import ROOT
from evidence.performance.suite import Suite
from tests.harness.platform import eventually, running

REAL, QUESTIONS = 10_000, 300
_PAGES = ROOT / "corpus" / "pages" / "usr" / "share" / "doc"
_FOLDER = model.FOLDER / "passages" / str(REAL)
_AT_ONCE = 64
_QUESTION_WORDS = 12
_SPREAD = 0.35
"""The length of what is added to a vector of length 1: a neighbour's cosine is about 0.94."""
_OTHER_WORDS = 0.2


@dataclass(frozen=True, slots=True)
class Passages:
    texts: list[str]
    vectors: npt.NDArray[np.float32]
    """[N, D], unit length."""
    questions: list[str]
    """The beginnings of pieces that are not among the texts."""
    asked: npt.NDArray[np.float32]
    """[Q, D]"""


def prepared(suite: Suite) -> Passages:
    """Embedded once, and kept."""
    if not (_FOLDER / "vectors.npy").exists():
        _prepare(suite)
    kept = json.loads((_FOLDER / "texts.json").read_text())
    vectors = np.load(_FOLDER / "vectors.npy")
    return Passages(kept[:REAL], vectors[:REAL], kept[REAL:], vectors[REAL:])


def more(passages: Passages, size: int) -> Iterator[tuple[list[str], npt.NDArray[np.float32]]]:
    """The real ones, then neighbours of them, until there are ``size``: so many thousand at once."""
    draw, noise = random.Random(0), np.random.default_rng(0)
    yield passages.texts[:size], passages.vectors[:size]
    for _ in range(REAL, size, REAL):
        added = noise.standard_normal(passages.vectors.shape, np.float32)
        added *= _SPREAD / np.linalg.norm(added, axis=1, keepdims=True)
        vectors = passages.vectors + added
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        yield [_reworded(text, draw.choice(passages.texts), draw) for text in passages.texts], vectors


def _reworded(text: str, other: str, draw: random.Random) -> str:
    words, others = text.split(" "), other.split()
    return " ".join(draw.choice(others) if draw.random() < _OTHER_WORDS else word for word in words)


def _prepare(suite: Suite) -> None:
    found = {piece.text for path in _pages() for piece in pieces(_read(path), False, Cut())}
    chosen = random.Random(0).sample(sorted(found), REAL + QUESTIONS)
    texts = chosen[:REAL] + [" ".join(text.split()[:_QUESTION_WORDS]) for text in chosen[REAL:]]
    vectors: list[tuple[float, ...]] = []
    suite.tell("  starting the platform")
    with running(COLONNADE_ENGINE_THREADS=str(suite.threads)) as platform:
        eventually(lambda: "Stop " in (platform.home / "up.log").read_text(), 300, "the models are imported")
        with Colonnade(platform.url, timeout=120) as client:
            for start in range(0, len(texts), _AT_ONCE):
                if start % (_AT_ONCE * 20) == 0:
                    suite.tell(f"  embedding {start} of {len(texts)}")
                some = texts[start : start + _AT_ONCE]
                vectors += client.embed(some, model=MINILM, truncate=True).vectors
    _FOLDER.mkdir(parents=True, exist_ok=True)
    (_FOLDER / "texts.json").write_text(json.dumps(texts))
    np.save(_FOLDER / "vectors.npy", np.array(vectors, np.float32))


def _pages() -> list[Path]:
    found = [*_PAGES.rglob("*.rst.gz"), *_PAGES.rglob("*.rst.txt")]
    if not found:
        raise FileNotFoundError(f"{_PAGES} is not there; run: make corpus-pages")
    return found


def _read(path: Path) -> Read:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return Read(content.decode(errors="replace"))
