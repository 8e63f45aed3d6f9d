"""What can be seen of a job's worker."""

from dataclasses import dataclass
from enum import StrEnum


class Sight(StrEnum):
    NEVER = "never"
    """No worker of this attempt was ever started, and none is on its way."""
    ALIVE = "alive"
    GONE = "gone"
    """It runs no more; whether it said how it ended is in its ``Ending``."""
    UNSEEN = "unseen"
    """Nobody here can tell: it was started where we do not see."""


class Ending(StrEnum):
    """How a worker said that it ended."""

    NONE = "none"
    """It said nothing: it was killed, or it crashed."""
    DONE = "done"
    STOPPED = "stopped"
    """It was asked to, and wrote a checkpoint; its run can go on."""
    REFUSED = "refused"
    """What it was given cannot be run."""
    SICK = "sick"
    """The run was ended by its own health."""


@dataclass(frozen=True, slots=True)
class Worker:
    """Of one attempt of a job."""

    sight: Sight
    ending: Ending = Ending.NONE
    words: str = ""
    """What it said about its end, for people."""
