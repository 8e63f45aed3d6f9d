"""Which findings are right.

A finding is right where it and a place of its kind share at least half of the characters that either has, and
each place is found once. Of several findings the one that shares most is taken."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from evidence.claims.pii.kinds import ASIDE
from evidence.claims.pii.text import Place, Text

SHARED = 0.5


@dataclass(slots=True)
class Counts:
    """Of one kind, over texts."""

    places: int = 0
    found: int = 0
    """Findings, right or wrong."""
    right: int = 0
    exact: int = 0
    """Of the right ones: those with the very bounds."""
    possible: int = 0
    possible_right: int = 0
    covered: int = 0
    """Places of which no character is left over, whatever they were taken for."""
    wrong: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        """0 where nothing was found."""
        return self.right / max(1, self.found)

    @property
    def recall(self) -> float:
        return self.right / max(1, self.places)


def counted(kind: str, texts: Iterable[tuple[Text, Sequence[Place]]]) -> Counts:
    """Of texts with what was found in each."""
    counts = Counts()
    for text, found in texts:
        _count(counts, kind, text, found)
    return counts


def _count(counts: Counts, kind: str, text: Text, found: Sequence[Place]) -> None:
    places = [place for place in text.places if place.kind == kind]
    aside = [place for place in text.places if place.kind in ASIDE.get(kind, ())]
    own = [each for each in found if each.kind == kind]
    pairs = matched(places, own)
    taken = set(pairs.values())
    wrong = [each for each in own if each not in taken and not any(each.overlap(other) for other in aside)]
    counts.places += len(places)
    counts.found += len(pairs) + len(wrong)
    counts.right += len(pairs)
    counts.exact += sum((a.start, a.end) == (b.start, b.end) for a, b in pairs.items())
    counts.possible += sum(place.possible for place in places)
    counts.possible_right += sum(place.possible for place in pairs)
    counts.covered += sum(_covered(place, found) for place in places)
    counts.wrong += [text.text[each.start : each.end] for each in wrong]
    counts.missed += [text.text[each.start : each.end] for each in places if each not in pairs]


def matched(places: Sequence[Place], found: Sequence[Place]) -> dict[Place, Place]:
    """By place, the finding that is right about it."""
    shares = sorted(
        ((_share(place, each), place, each) for place in places for each in found),
        key=lambda pair: (-pair[0], pair[1].start, pair[2].start),
    )
    pairs: dict[Place, Place] = {}
    for share, place, each in shares:
        if share >= SHARED and place not in pairs and each not in pairs.values():
            pairs[place] = each
    return pairs


def _share(one: Place, other: Place) -> float:
    both = one.overlap(other)
    return both / (one.end - one.start + other.end - other.start - both)


def _covered(place: Place, found: Sequence[Place]) -> bool:
    left = set(range(place.start, place.end))
    for each in found:
        left -= set(range(each.start, each.end))
    return not left
