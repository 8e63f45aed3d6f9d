"""A recipe that trains in seconds, on text that can be learnt."""

import json
import random
from pathlib import Path
from typing import Any

from colonnade.learn.recipe import Recipe
from colonnade.learn.recipe.reading import parse_recipe

_WHO = ("the cat", "a dog", "my horse", "one bird")
_DOES, _WHAT = ("sees", "likes", "finds"), ("milk", "hay", "bread")


def corpus(folder: Path, documents: int = 400) -> Path:
    """JSON lines of short stories with little in them to be surprised at."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(4)
    with (folder / "stories.jsonl").open("w") as file:
        for number in range(documents):
            lines = [
                f"{chance.choice(_WHO)} {chance.choice(_DOES)} {chance.choice(_WHAT)}." for _ in range(8)
            ]
            file.write(json.dumps({"text": f"Story {number}. " + " ".join(lines)}) + "\n")
    return folder / "stories.jsonl"


def recipe(stories: Path, **changes: Any) -> Recipe:
    return parse_recipe(json.dumps(document(str(stories), **changes)))


def document(stories: str, **changes: Any) -> dict[str, Any]:
    """As it is submitted; ``stories`` may be a glob."""
    said = {
        "name": "stories",
        "seed": 3,
        "data": {
            "sources": [{"kind": "jsonl", "name": "stories", "paths": [stories]}],
            "tokenizer": {"kind": "train", "vocabulary": 320, "sample_bytes": 20_000},
            "duplicates": {"kind": "exact"},
            "split": {"validation": 0.1},
        },
        "model": {"preset": "debug"},
        "batch": {"tokens": 64, "rows": 4, "accumulate": 2},
        "steps": 12,
        "optimiser": {"name": "adamw", "learning_rate": 0.01},
        "schedule": {"kind": "cosine", "warm_up": 2},
        "evaluation": {"every": 6, "batches": 2, "prompts": ["the cat"], "prompt_tokens": 4},
        "checkpoints": {"every": 4},
        "reports": {"every": 4, "tensorboard": False},
    }
    return _merged(said, changes)


def _merged(said: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    for name, value in changes.items():
        inner = said.get(name)
        both = isinstance(inner, dict) and isinstance(value, dict)
        said[name] = _merged(dict(inner or {}), value) if both else value
    return said
