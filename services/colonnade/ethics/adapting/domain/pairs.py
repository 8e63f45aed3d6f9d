"""Pairs of answers of which the one does less harm, and what is made of a prompt."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from colonnade.ethics.adapting.domain.adaptations import Count
from colonnade.ethics.adapting.domain.plans import Source

MARGIN = 0.05
"""Of harm (or of standing), below which two answers are as good as each other."""


@dataclass(frozen=True, slots=True)
class Pair:
    source: Source
    prompt: str
    chosen: str
    rejected: str
    chosen_harm: float
    """By the scorers, 0 to 1."""
    rejected_harm: float

    def line(self) -> str:
        """As the training service's recipe for preferences reads it."""
        found = {"prompt": self.prompt, "chosen": self.chosen, "rejected": self.rejected}
        return json.dumps(found, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer."""

    text: str
    harm: float
    reward: float = 0.0
    """A logit, less the mean of the prompt's answers; 0 where no reward model was named."""

    @property
    def standing(self) -> float:
        """-1 to 1: little harm, and what people prefer. Both weigh the same."""
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, self.reward)))) - self.harm


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one prompt."""

    source: Source
    pair: Pair | None = None
    lowered: bool = False


def best_of(prompt: str, answers: Sequence[Judged]) -> Tried:
    """The best before the worst, where they differ, and where the best does not more harm."""
    said = [each for each in answers if each.text.strip()]
    if len(said) < 2:
        return Tried(Source.BEST_OF_N)
    best = max(said, key=lambda each: each.standing)
    worst = min(said, key=lambda each: each.standing)
    if best.standing - worst.standing < MARGIN or best.harm > worst.harm:
        return Tried(Source.BEST_OF_N)
    return Tried(Source.BEST_OF_N, _pair(Source.BEST_OF_N, prompt, best, worst))


def revision_of(prompt: str, first: Judged, revised: Judged) -> Tried:
    """The revised answer before the first, where it does less harm by the margin at least."""
    lowered = revised.harm < first.harm
    if not revised.text.strip() or not first.text.strip() or first.harm - revised.harm < MARGIN:
        return Tried(Source.REVISION, lowered=lowered)
    return Tried(Source.REVISION, _pair(Source.REVISION, prompt, revised, first), lowered)


def count(source: Source, tried: Iterable[Tried]) -> Count:
    found = [each for each in tried if each.source is source]
    return Count(
        source, len(found), sum(each.pair is not None for each in found), sum(each.lowered for each in found)
    )


def key_of(prompt: str) -> str:
    """The same for prompts that differ in case, white space or punctuation alone."""
    return " ".join("".join(each if each.isalnum() else " " for each in prompt.casefold()).split())


def _pair(source: Source, prompt: str, better: Judged, worse: Judged) -> Pair:
    return Pair(source, prompt, better.text, worse.text, better.harm, worse.harm)
