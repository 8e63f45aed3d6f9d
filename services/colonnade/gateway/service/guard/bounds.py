"""How the guard does its work, where it may do it in several ways."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GuardBounds:
    required: bool = True
    """Without screening nothing goes in or out; else it does, and says so."""
    seconds: float = 10.0
    """For one verdict."""
    retries: int = 1
    """How often an answer that a policy throws away is asked for again."""
