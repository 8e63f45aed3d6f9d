"""When to say that answers have become biased: a sequential test with stated figures."""

import math
from dataclasses import dataclass, replace

from colonnade.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class Drift:
    """The Shiryaev-Roberts e-detector of a rate (Shin, Ramdas and Rinaldo 2022, "E-detectors") against rates
    up to ``clean``.

    While the rate of biased observations is at most ``clean``, whatever else they depend on, the mean number
    of observations to a false alarm is at least ``patience``, and the chance of one among the first n is at
    most n / ``patience``. See ``expected_delay`` for how soon it alarms where they are more."""

    clean: float = 0.001
    excess: float = 0.01
    patience: float = 1_000_000
    evidence: float = 0.0
    observed: int = 0
    """Since the last alarm."""

    def __post_init__(self) -> None:
        if not (self.clean > 0 and self.excess > 0 and self.clean + self.excess < 1):
            raise InvalidArgument("clean and excess must be above 0, and together below 1", field="clean")
        if not self.patience > 1:
            raise InvalidArgument("patience must be above 1", field="patience")

    @property
    def alarmed(self) -> bool:
        return self.evidence >= self.patience

    def seen(self, *, biased: bool) -> "Drift":
        """With one observation more; after an alarm it begins anew."""
        before = 0.0 if self.alarmed else self.evidence
        count = 0 if self.alarmed else self.observed
        return replace(self, evidence=(before + 1) * self.weight(biased=biased), observed=count + 1)

    def weight(self, *, biased: bool) -> float:
        """How much likelier the observation is at ``clean + excess`` than at ``clean``."""
        changed = self.clean + self.excess
        return changed / self.clean if biased else (1 - changed) / (1 - self.clean)

    def expected_delay(self, rate: float) -> float:
        """Observations to the alarm, about, at a rate of biased ones; infinite where they lead to none."""
        growth = rate * math.log(self.weight(biased=True)) + (1 - rate) * math.log(self.weight(biased=False))
        return math.log(self.patience) / growth if growth > 0 else math.inf
