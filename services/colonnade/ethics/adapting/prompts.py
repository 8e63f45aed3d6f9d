"""The prompts that come with the platform: some to learn from, others that nothing is learnt from."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from colonnade.ethics.adapting.domain.pairs import key_of


@dataclass(frozen=True, slots=True)
class Prompts:
    learn: Sequence[str]
    harmful: Sequence[str]
    harmless: Sequence[str]
    """Much like the harmful ones."""
    texts: Sequence[str]
    """Plain sentences."""

    def held_out(self, prompt: str) -> bool:
        """Whether versions are judged by it, so that it is not learnt from."""
        return key_of(prompt) in {key_of(each) for each in (*self.harmful, *self.harmless)}


@cache
def own_prompts() -> Prompts:
    body = json.loads((resources.files("colonnade.ethics.adapting") / "data" / "prompts.json").read_text())
    return Prompts(*(tuple(body[each]) for each in ("learn", "harmful", "harmless", "texts")))
