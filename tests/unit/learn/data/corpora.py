"""Small corpora that are the same on every machine."""

import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from colonnade.learn.data.settings import DataSettings

_SYLLABLES = ["ka", "lo", "mi", "ren", "tu", "sha", "vel", "dor", "in", "an", "é", "ü"]


def texts(count: int, seed: int = 0) -> Iterator[str]:
    """Unlike each other, some words to some hundred."""
    drawn = random.Random(seed)
    words = ["".join(drawn.choices(_SYLLABLES, k=drawn.randint(1, 4))) for _ in range(400)]
    for number in range(count):
        body = drawn.choices(words, k=drawn.randint(8, 120))
        yield f"{number} of {seed}: " + " ".join(body) + "."


def json_lines(path: Path, rows: Iterator[str] | list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"text": row}) + "\n" for row in rows))
    return path


def settings(*paths: Path, **said: Any) -> DataSettings:
    """JSON lines, a source a path, named after it; a trained tokenizer."""
    sources = [{"kind": "jsonl", "name": path.stem, "paths": [str(path)]} for path in paths]
    trained = {"kind": "train", "vocabulary": 400, "sample_bytes": 20_000}
    return DataSettings.model_validate({"sources": sources, "tokenizer": trained} | said)


def content_of(folder: Path) -> Mapping[str, bytes]:
    """Every file with its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
