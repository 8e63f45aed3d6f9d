"""What reading one document may take."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from colonnade.security.inputs.sizes import MIB


@dataclass(frozen=True, slots=True)
class Bounds:
    characters: int = 20_000_000
    """Of its text."""
    memory_bytes: int = 1536 * MIB
    """Of addresses: what libraries map counts too."""
    processor_seconds: int = 30
    seconds: int = 60
    """By the clock."""

    @classmethod
    def of(cls, numbers: Sequence[str]) -> "Bounds":
        return cls(*map(int, numbers))

    @property
    def numbers(self) -> tuple[str, ...]:
        return tuple(map(str, astuple(self)))
