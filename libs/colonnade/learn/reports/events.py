"""What happens in a run, and the kind of what listens to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

Values: TypeAlias = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Progressed:
    """How far a stage beside the training is: ``prepare``, ``export``."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Began:
    """The training, after ``step`` steps of an earlier process: what that one told of later ones is void."""

    step: int


@dataclass(frozen=True, slots=True)
class Stepped:
    """What was measured of the steps since the last of these."""

    step: int
    values: Values


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What was measured on documents that nothing is learnt from."""

    step: int
    values: Values


@dataclass(frozen=True, slots=True)
class Sampled:
    """How the model goes on with a prompt."""

    step: int
    prompt: str
    text: str


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint is on its way to the disk: the run can go on from this step."""

    step: int


@dataclass(frozen=True, slots=True)
class Said:
    """Something that a person should know."""

    sentence: str
    facts: Mapping[str, Any] = field(default_factory=dict)


Event: TypeAlias = Progressed | Began | Stepped | Evaluated | Sampled | Saved | Said


class Listener(Protocol):
    """Is called in order, from one thread."""

    def __call__(self, event: Event) -> None: ...

    def close(self) -> None: ...


class Listeners:
    """Several as one."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._all = tuple(listeners)

    def __call__(self, event: Event) -> None:
        for each in self._all:
            each(event)

    def close(self) -> None:
        for each in self._all:
            each.close()
