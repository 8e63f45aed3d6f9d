"""What a rollout has to pass: gates before anybody gets the candidate, steps, and objectives during them."""

from dataclasses import dataclass
from enum import StrEnum

from colonnade.errors import InvalidArgument

MAX_STEPS, MAX_GATES, MAX_OBJECTIVES = 20, 20, 20
_LONGEST_SECONDS = 30 * 24 * 3600.0
_LEAST_PAUSE = 1.0
_MOST_REQUESTS = 10_000_000


class Measure(StrEnum):
    """What is watched while a candidate answers."""

    ERROR_RATE = "error_rate"
    """Requests that it failed, of those that it was asked; also where another version then answered."""
    FIRST_TOKEN_P95 = "first_token_p95"  # noqa: S105 - tokens of text
    """Seconds until the answer began, of 95 in 100 requests."""
    TOKENS_PER_SECOND = "tokens_per_second"
    """Of an answer once it has begun, on average."""


class Probe(StrEnum):
    """What a gate asks of a candidate that nobody gets yet."""

    PERPLEXITY = "perplexity"
    """Of given texts."""
    TASKS = "tasks"
    """The share of given questions that it answers as it should."""
    FIRST_TOKEN_P95 = "first_token_p95"  # noqa: S105 - tokens of text
    TOKENS_PER_SECOND = "tokens_per_second"
    BIAS = "bias"
    SAFETY = "safety"


_MORE_IS_BETTER = frozenset({"tokens_per_second", "tasks", "safety"})


@dataclass(frozen=True, slots=True)
class Bound:
    """The worst that a figure may be: a limit of its own, or a multiple of the stable version's figure."""

    value: float
    relative: bool = False
    """``value`` is a multiple of the stable version's."""

    def __post_init__(self) -> None:
        if not 0 <= self.value < float("inf"):
            raise InvalidArgument("a bound must be a number from 0 up", field="bound", limit=0)

    @classmethod
    def parse(cls, text: str | float, field: str = "bound") -> "Bound":
        """``0.02``, or ``1.5x`` for as many times the stable version's figure."""
        words = str(text).strip()
        try:
            return cls(float(words.removesuffix("x")), words.endswith("x"))
        except ValueError:
            raise InvalidArgument(
                f'{field} must be a number, or a multiple of the stable version\'s as "1.5x"', field=field
            ) from None

    def __str__(self) -> str:
        return f"{self.value:g}{'x' if self.relative else ''}"

    def holds(self, what: str, figure: float, stable: float | None) -> bool:
        """Of the figure of a ``Measure`` or ``Probe``. Without a stable version to compare with it does."""
        if self.relative and stable is None:
            return True
        limit = self.value * stable if self.relative and stable is not None else self.value
        return figure >= limit if what in _MORE_IS_BETTER else figure <= limit


@dataclass(frozen=True, slots=True)
class Objective:
    measure: Measure
    bound: Bound

    def __post_init__(self) -> None:
        if self.measure is Measure.ERROR_RATE and self.bound.relative:
            # A multiple of none is none: the first failure would break it.
            raise InvalidArgument(
                "error_rate must be a share of its own, as 0.02, not a multiple of the stable version's",
                field="objectives.error_rate",
            )


@dataclass(frozen=True, slots=True)
class Gate:
    """Something that is asked of the candidate before anybody gets it, and again while it is watched."""

    probe: Probe
    bound: Bound
    texts: str = ""
    """The set that is asked; empty for the probe's own."""
    required: bool = True
    """Whether it fails where what it needs is not there; else it is skipped then."""
    every: float = 0.0
    """Seconds between being asked again, during the shadow and the canary; 0 for never."""

    def __post_init__(self) -> None:
        if self.every:
            _between(self.every, _LEAST_PAUSE, _LONGEST_SECONDS, "gates.every_seconds")


@dataclass(frozen=True, slots=True)
class Step:
    """A share of the requests, for at least so long and so many."""

    percent: int
    seconds: float
    requests: int = 0
    """That the candidate has to have answered before the step may end."""

    def __post_init__(self) -> None:
        _between(self.percent, 1, 100, "percent")
        _between(self.seconds, 0, _LONGEST_SECONDS, "seconds")
        _between(self.requests, 0, _MOST_REQUESTS, "requests")


@dataclass(frozen=True, slots=True)
class Plan:
    gates: tuple[Gate, ...] = ()
    shadow: Step | None = None
    """Copies of so many requests go to the candidate, whose answers nobody sees."""
    steps: tuple[Step, ...] = ()
    """Without any the candidate gets all requests after the shadow. One of 100 percent watches
    that, before the rollout counts as done."""
    objectives: tuple[Objective, ...] = ()
    least_requests: int = 20
    """Of each version, before a quantile or a rate is judged."""

    def __post_init__(self) -> None:
        for what, count, most in (
            ("gates", len(self.gates), MAX_GATES),
            ("steps", len(self.steps), MAX_STEPS),
            ("objectives", len(self.objectives), MAX_OBJECTIVES),
        ):
            if count > most:
                raise InvalidArgument(f"{what} may hold at most {most}", field=what, limit=most)
        _between(self.least_requests, 1, _MOST_REQUESTS, "least_requests")
        if self.shadow and self.shadow.requests:
            # It would never end: copies are answered for nobody, and nobody counts them.
            raise InvalidArgument("shadow may ask for seconds, not for requests", field="shadow.requests")
        percents = [step.percent for step in self.steps]
        if percents != sorted(set(percents)):
            raise InvalidArgument(
                "each of steps must have a greater percent than the one before", field="steps"
            )
        if len({objective.measure for objective in self.objectives}) < len(self.objectives):
            raise InvalidArgument("objectives may name each measure once", field="objectives")


def _between(value: float, least: float, most: float, field: str) -> None:
    if not least <= value <= most:
        raise InvalidArgument(f"{field} must be {least:g} to {most:g}", field=field, limit=most)
