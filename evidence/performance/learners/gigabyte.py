"""A corpus of any size: the real texts first, then documents of their sentences, drawn by a seed.

Among the drawn ones a known number says what an earlier one said: word for word, or with every fiftieth word
changed. So it can be counted what the pipeline finds.
"""

import gzip
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evidence.performance.engines.process import ROOT

_REAL = ("corpus/shakespeare/**/*.md", "corpus/pages/**/*.rst.gz", "corpus/pages/**/*.rst.txt", "docs/*.md")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_EXACT, _NEAR = 0.01, 0.04
"""Shares of the drawn documents that were said before, and nearly so."""
_REMEMBERED = 1000
_FILE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Corpus:
    files: tuple[str, ...]
    bytes: int
    real_bytes: int
    documents: int
    exact: int
    near: int


def write(folder: Path, size: int, seed: int = 0) -> Corpus:
    """JSON Lines files of together ``size`` bytes of text, or a little more."""
    folder.mkdir(parents=True, exist_ok=True)
    draws = random.Random(seed)
    real = list(_real_texts())
    counts = {"real": 0, "drawn": 0, "exact": 0, "near": 0}
    total = written = 0
    files: list[Path] = []
    file = None
    for kind, text in _documents(real, draws):
        if file is None or written > _FILE_BYTES:
            if file:
                file.close()
            files.append(folder / f"{len(files):05d}.jsonl")
            file, written = files[-1].open("w", encoding="utf-8"), 0
        line = json.dumps({"text": text}, ensure_ascii=False) + "\n"
        file.write(line)
        written += len(line)
        total += len(text.encode())
        counts[kind] += 1
        if total >= size:
            break
    assert file is not None, "there is a text at least"
    file.close()
    real_bytes = sum(len(text.encode()) for text in real[: counts["real"]])
    names = tuple(str(each) for each in files)
    return Corpus(names, total, real_bytes, sum(counts.values()), counts["exact"], counts["near"])


def _documents(real: list[str], draws: random.Random) -> Iterator[tuple[str, str]]:
    yield from (("real", text) for text in real)
    sentences = [each for text in real for each in _SENTENCE.split(text) if 20 < len(each) < 500]
    earlier: list[str] = []
    while True:
        chance = draws.random()
        if earlier and chance < _EXACT:
            yield "exact", draws.choice(earlier)
        elif earlier and chance < _EXACT + _NEAR:
            yield "near", _changed(draws.choice(earlier), draws)
        else:
            text = " ".join(draws.choices(sentences, k=draws.randint(5, 60)))
            if len(earlier) < _REMEMBERED:
                earlier.append(text)
            else:
                earlier[draws.randrange(_REMEMBERED)] = text
            yield "drawn", text


def _changed(text: str, draws: random.Random) -> str:
    words = text.split(" ")
    first = draws.randrange(min(50, len(words)))
    for place in range(first, len(words), 50):
        words[place] = f"w{draws.randrange(1 << 30)}"
    return " ".join(words)


def _real_texts() -> Iterator[str]:
    for pattern in _REAL:
        for path in sorted(ROOT.glob(pattern)):
            data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            yield data.decode(errors="replace")
