"""What a scorer found, and where."""

from dataclasses import dataclass
from enum import StrEnum

from colonnade.errors import InvalidArgument


class Side(StrEnum):
    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Characters ``start`` to ``end`` (exclusive) of all that was sent on one side; never empty."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise InvalidArgument("a span must begin at 0 or later and before its end", field="span")


@dataclass(frozen=True, slots=True)
class Finding:
    """``why`` is a plain noun phrase that does not repeat what was found; ``score`` is 0 to 1."""

    scorer: str
    category: str
    span: Span
    score: float
    why: str

    def __post_init__(self) -> None:
        if not 0 <= self.score <= 1:
            raise InvalidArgument("a score must be from 0 to 1", field="score")
