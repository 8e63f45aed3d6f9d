"""Words that name a group, and the same text about another one."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

_WORD = re.compile(r"[A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Mention:
    dimension: str
    group: str
    row: int
    """Terms of one row of different groups stand for each other."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """``rows``: dimension to rows, each group to its term."""

    rows: Mapping[str, tuple[Mapping[str, str], ...]]
    mentions: Mapping[str, Mention]
    """By lower-case term."""

    def groups_in(self, text: str) -> set[tuple[str, str]]:
        """Dimensions and groups that a text names."""
        found = (self.mentions.get(word.group().lower()) for word in _WORD.finditer(text))
        return {(each.dimension, each.group) for each in found if each}

    def swapped(self, text: str, dimension: str) -> str | None:
        """The same about the next group of the dimension, upper case kept; None where none is named.

        Swapping twice in a dimension of two groups gives the text back, but for words that have two
        counterparts (``her`` is ``his`` and ``him``)."""
        changed = False

        def other(found: re.Match[str]) -> str:
            nonlocal changed
            word = found.group()
            mention = self.mentions.get(word.lower())
            if mention is None or mention.dimension != dimension:
                return word
            changed = True
            row = self.rows[dimension][mention.row]
            groups = list(row)
            return _cased(row[groups[(groups.index(mention.group) + 1) % len(groups)]], word)

        result = _WORD.sub(other, text)
        return result if changed else None


def _cased(term: str, like: str) -> str:
    if like.isupper() and len(like) > 1:
        return term.upper()
    return term.capitalize() if like[0].isupper() else term


@cache
def lexicon() -> Lexicon:
    """The one that comes with the platform."""
    body = json.loads((resources.files("colonnade.ethics.bias") / "data" / "terms.json").read_text())
    rows = {name: tuple(each["rows"]) for name, each in body["dimensions"].items()}
    mentions: dict[str, Mention] = {}
    for dimension, each in rows.items():
        for at, row in enumerate(each):
            for group, term in row.items():
                mentions.setdefault(term.lower(), Mention(dimension, group, at))
    return Lexicon(rows, mentions)
