"""A text that somebody published with what it is."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

INJECTION, HARM, TOXICITY = "injection", "harm", "toxicity"
CATEGORIES = (INJECTION, HARM, TOXICITY)
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Item:
    text: str
    source: str
    """The published set."""
    harmful: bool
    categories: frozenset[str] = frozenset()
    """What it is an example of, for or against; of others nothing is known."""


def made(texts: Iterable[str], source: str, harmful: bool, *categories: str) -> list[Item]:
    """One of each text that is not empty."""
    return [
        Item(each.strip(), source, harmful, frozenset(categories))
        for each in dict.fromkeys(texts)
        if each.strip()
    ]


def drawn(items: Sequence[Item], count: int) -> list[Item]:
    """So many at most, the same ones every time."""
    return sorted(items, key=lambda each: sha256(each.text.encode()).digest())[:count]


def normalised(text: str) -> str:
    """Its words alone: equal for texts that differ in case, white space and punctuation."""
    return " ".join(_WORDS.findall(text.casefold()))


def shingles(text: str, words: int = 8) -> frozenset[str]:
    """So many words in a row, wherever they begin; the whole of a shorter text."""
    said = normalised(text).split()
    return frozenset(" ".join(said[at : at + words]) for at in range(max(1, len(said) - words + 1)))
