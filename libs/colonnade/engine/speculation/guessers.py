"""Where guesses come from: the port, and the guesser that needs no model."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from colonnade.engine.speculation.lookup import Lookup
from colonnade.models.protocol import Sampler, SequenceView


@dataclass(frozen=True, slots=True)
class Wanted:
    """A sequence whose next tokens are to be guessed: everything but its newest token is committed."""

    view: SequenceView
    sample: Sampler
    """The request's own: a guess that is drawn with the same noise agrees more often."""
    count: int
    stop_ids: Collection[int] = ()


class Guesser(Protocol):
    """Guesses for all sequences of a step at once. Whatever it answers, answers stay right."""

    def guess(self, wanted: Sequence[Wanted]) -> list[Sequence[int]]:
        """At most ``count`` tokens for each; fewer, or none, where it has none to offer."""
        ...

    def leave(self, handle: int) -> None:
        """The sequence ended or was preempted: what is kept for it goes; one unknown is ignored."""
        ...


class LookupGuesser:
    """Prompt lookup (``lookup``), an index for each sequence."""

    def __init__(self) -> None:
        self._indices: dict[int, Lookup] = {}

    @property
    def sequences(self) -> int:
        """That an index is kept for."""
        return len(self._indices)

    def guess(self, wanted: Sequence[Wanted]) -> list[Sequence[int]]:
        return [self._index(each).guess(each.view.tokens, each.count) for each in wanted]

    def leave(self, handle: int) -> None:
        self._indices.pop(handle, None)

    def _index(self, wanted: Wanted) -> Lookup:
        return self._indices.setdefault(wanted.view.handle, Lookup())
