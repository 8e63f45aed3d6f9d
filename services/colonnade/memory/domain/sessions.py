"""A session: turns that belong together, and what they come to."""

from dataclasses import dataclass
from datetime import datetime

from colonnade.memory.domain.memories import Memory


@dataclass(frozen=True, slots=True)
class Session:
    id: str
    turns: int
    began_at: datetime
    last_at: datetime
    summary: str = ""
    """Of its turns up to ``summarised``."""
    summarised: str = ""
    """The id of the last turn that the summary covers."""


@dataclass(frozen=True, slots=True)
class Working:
    """What of a session a prompt gets: ``turns`` oldest first, ``summary`` of those before them."""

    summary: str
    turns: tuple[Memory, ...]
