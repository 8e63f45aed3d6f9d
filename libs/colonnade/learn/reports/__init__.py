"""What is told of a run while it runs, and to whom: one listener a file, all of one kind."""

from colonnade.learn.reports.events import (
    Began,
    Evaluated,
    Event,
    Listener,
    Listeners,
    Progressed,
    Said,
    Sampled,
    Saved,
    Stepped,
    Values,
)

__all__ = [
    "Began", "Evaluated", "Event", "Listener", "Listeners", "Progressed", "Said", "Sampled", "Saved",
    "Stepped", "Values",
]  # fmt: skip
