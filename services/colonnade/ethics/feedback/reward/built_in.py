"""Pairs that come with the platform: a floor to begin with, written for it, in English."""

import json
from functools import cache
from importlib.resources import files

from colonnade.ethics.feedback.feedback import Pair, Turn


@cache
def built_in_pairs() -> tuple[Pair, ...]:
    text = files(__package__).joinpath("built_in.jsonl").read_text("utf-8")
    return tuple(_pair(json.loads(line)) for line in text.splitlines())


def _pair(line: dict[str, str]) -> Pair:
    return Pair((Turn("user", line["prompt"]),), line["chosen"], line["rejected"])
