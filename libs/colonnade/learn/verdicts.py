"""What is to become of a step, and why, in a sentence for whoever watches the run."""

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    CONTINUE = "continue"
    SKIP = "skip"
    """Leave the weights as they are and go on with the next batch."""
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Verdict:
    action: Action
    cause: str | None = None
    """A word for programs: ``nan``, ``infinite``, ``explosion``, ``vanishing``, ``stalled``, ``overflow``."""
    sentence: str = ""
    """What was seen, where, and what to try. A continue with a sentence is a warning."""


CONTINUE = Verdict(Action.CONTINUE)
