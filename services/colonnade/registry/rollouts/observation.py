"""What was seen of a version while it answered, and whether that breaks an objective."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from colonnade.registry.rollouts.plan import Measure, Objective, Plan
from colonnade.telemetry.first_tokens import CLASSES, class_of, quantile

_P95, _Z95 = 0.95, 1.959964
"""The 97.5 % point of the normal distribution: an interval of 95 %."""


@dataclass(frozen=True, slots=True)
class Observed:
    """Sums over requests; adding two gives the sums over both."""

    requests: int = 0
    """That it was asked and that have ended, those that their clients left excepted."""
    failures: int = 0
    """Of those, that it did not answer."""
    tokens: int = 0
    """After each answer's first."""
    decode_seconds: float = 0.0
    """From each answer's first token to its last."""
    first_tokens: tuple[int, ...] = (0,) * CLASSES
    """How many answers began within each class of ``FIRST_TOKEN_BOUNDS``."""

    @property
    def answers(self) -> int:
        return self.requests - self.failures

    def __add__(self, other: "Observed") -> "Observed":
        return Observed(
            self.requests + other.requests,
            self.failures + other.failures,
            self.tokens + other.tokens,
            self.decode_seconds + other.decode_seconds,
            tuple(mine + theirs for mine, theirs in zip(self.first_tokens, other.first_tokens, strict=True)),
        )

    @classmethod
    def answer(cls, first_token: float, tokens: int = 0, decode_seconds: float = 0.0) -> "Observed":
        """One request that was answered."""
        classes = [0] * CLASSES
        classes[class_of(first_token)] = 1
        return cls(1, 0, tokens, decode_seconds, tuple(classes))

    @classmethod
    def failure(cls) -> "Observed":
        """One request that was not."""
        return cls(requests=1, failures=1)

    @classmethod
    def total(cls, parts: Iterable["Observed"]) -> "Observed":
        return sum(parts, cls())

    def figure(self, measure: Measure) -> float | None:
        """None where nothing was seen that it could be worked out from."""
        if measure is Measure.ERROR_RATE:
            return self.failures / self.requests if self.requests else None
        if measure is Measure.FIRST_TOKEN_P95:
            return quantile(self.first_tokens, _P95)
        return self.tokens / self.decode_seconds if self.tokens and self.decode_seconds > 0 else None

    def least_error_rate(self) -> float:
        """The lower end of the error rate's 95 % interval (E. B. Wilson, 1927)."""
        if not self.failures:
            return 0.0
        n, rate, z2 = self.requests, self.failures / self.requests, _Z95**2
        spread = _Z95 * math.sqrt(rate * (1 - rate) / n + z2 / (4 * n * n))
        return max(0.0, (rate + z2 / (2 * n) - spread) / (1 + z2 / n))


def breach(plan: Plan, candidate: Observed, stable: Observed) -> str:
    """Which objective the candidate breaks, in words; empty for none."""
    for objective in plan.objectives:
        if words := _broken(objective, plan.least_requests, candidate, stable):
            return words
    return ""


def _broken(objective: Objective, least: int, candidate: Observed, stable: Observed) -> str:
    measure, bound = objective.measure, objective.bound
    figure, beside = candidate.figure(measure), stable.figure(measure)
    if figure is None or (bound.relative and stable.answers < least):
        return ""
    if measure is Measure.ERROR_RATE:
        judged = candidate.least_error_rate()  # its own interval says whether it was seen often enough
    elif candidate.answers < least:
        return ""
    else:
        judged = figure
    if bound.holds(measure, judged, beside):
        return ""
    told = f"; the stable version's is {beside:.4g}" if bound.relative and beside is not None else ""
    return f"{measure} is {figure:.4g} after {candidate.requests} requests, its bound {bound}{told}"
