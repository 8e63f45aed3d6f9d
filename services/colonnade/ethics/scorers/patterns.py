"""Scorers made of regular expressions, which know exactly how much text they need to see.

``regex`` tells whether a match touched the end of the text (``partial``): with an impossible end after the
expression, the first place that it reports is the first that more text could change."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import regex

from colonnade.ethics.domain.finding import Side
from colonnade.ethics.ports import Found, Scored, Stretch


@dataclass(frozen=True, slots=True)
class Part:
    """What of a match is the finding: indices into the matched text."""

    start: int
    end: int
    score: float
    why: str


Check = Callable[[str], Part | None]
"""Judges a matched text, from nothing but that text."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """``reach`` is the most characters from its start that the expression looks at, look-ahead and one more
    included.

    ``before`` is what has to be true there, a look-behind or ``\\b``; what many share is tried once.
    No back-references: they are slow, and expressions are joined."""

    category: str
    expression: str
    reach: int
    score: float
    why: str
    check: Check | None = None
    before: str = ""
    any_case: bool = False

    def judge(self, text: str) -> Part | None:
        return self.check(text) if self.check else Part(0, len(text), self.score, self.why)


class PatternScorer:
    """Tries every pattern at every place by itself."""

    immediate = True

    def __init__(self, name: str, patterns: Sequence[Pattern]) -> None:
        self.name = name
        self.categories = frozenset(each.category for each in patterns)
        self.context = max(each.reach for each in patterns)
        self._patterns = [
            (
                each,
                regex.compile(
                    f"{each.before}(?:{each.expression})", regex.IGNORECASE if each.any_case else 0
                ),
            )
            for each in patterns
        ]
        self._touching = regex.compile(_touching(patterns))

    async def score(self, stretch: Stretch, side: Side) -> Scored:
        settled = self._settled(stretch)
        found = [each for pair in self._patterns for each in _matches(*pair, stretch, settled)]
        return Scored(sorted(found, key=lambda each: (each.start, -each.end)), settled)

    def _settled(self, stretch: Stretch) -> int:
        if stretch.last:
            return len(stretch.text)
        start = max(stretch.start, len(stretch.text) - self.context)
        touched = self._touching.search(stretch.text, start, partial=True)
        return touched.start() if touched else len(stretch.text)


def _matches(
    pattern: Pattern, compiled: "regex.Pattern[str]", stretch: Stretch, settled: int
) -> Iterable[Found]:
    place = stretch.start
    while (match := compiled.search(stretch.text, place)) and match.start() < settled:
        place = (
            match.start() + 1
        )  # not the end: what was found before a cut must not hide what is found after
        if part := pattern.judge(match[0]):
            start, end = match.start() + part.start, match.start() + part.end
            yield Found(pattern.category, start, end, part.score, part.why)


def _touching(patterns: Sequence[Pattern]) -> str:
    """Matches, partially, from the first place on at which any pattern touches the end."""
    together: dict[tuple[str, bool], list[str]] = {}
    for each in patterns:
        # Atomic: what follows must not make an expression try other ways than it would alone.
        together.setdefault((each.before, each.any_case), []).append(f"(?>{each.expression})")
    either = "|".join(
        f"{before}(?{'i' if any_case else ''}:{'|'.join(several)})"
        for (before, any_case), several in together.items()
    )
    return rf"(?:{either})[\s\S](?!)"


def entropy(text: str) -> float:
    """Shannon's, of its characters, in bits a character."""
    counts = [text.count(each) / len(text) for each in set(text)]
    return -sum(share * math.log2(share) for share in counts)


def beginnings(text: str, least: int) -> Iterator[tuple[int, str]]:
    """Beginnings of a spaced number that end with one of its groups, longest first, with their characters."""
    kept = [place for place, character in enumerate(text) if character.isalnum()]
    for count in range(len(kept), least - 1, -1):
        end = kept[count - 1] + 1
        if count == len(kept) or kept[count] > end:
            yield end, "".join(text[place] for place in kept[:count])
