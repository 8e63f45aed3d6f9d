"""A text, and where in it is what."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    kind: str
    start: int
    end: int
    """Exclusive; both count characters."""
    possible: bool = True
    """False for a number that nobody could have."""

    def overlap(self, other: "Place") -> int:
        """Characters that both have."""
        return max(0, min(self.end, other.end) - max(self.start, other.start))


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    places: tuple[Place, ...] = ()
