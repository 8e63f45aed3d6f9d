"""What a case found, as it lies in ``evidence/results/performance/<case>.json``.

These classes are the schema: they refuse a field too many, one too few, and a claim whose ``holds`` is not
what its figures say.
"""

import json
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evidence.performance.engines.process import ROOT
from evidence.performance.statistics import Spread

RESULTS = ROOT / "evidence" / "results" / "performance"


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Range(Part):
    """A median and the quartiles around it."""

    median: float
    q1: float
    q3: float

    @classmethod
    def of(cls, spread: Spread) -> Self:
        return cls(median=spread.median, q1=spread.q1, q3=spread.q3)


class Limit(Part):
    """What the machine could do at best."""

    what: str
    value: float
    """In the figure's own unit."""
    fraction: float
    """Of it that was reached."""


class Figure(Part):
    """One engine's figure; ``not_run`` says why there is none."""

    engine: str
    product: str
    precision: str
    version: str = ""
    unit: str
    samples: list[float] = Field(default_factory=list)
    value: Range | None = None
    cpu_seconds: float | None = None
    """User and system time of the engine's process for one sample, the median."""
    wall_seconds: float | None = None
    limit: Limit | None = None
    not_run: str | None = None

    @model_validator(mode="after")
    def _either(self) -> Self:
        assert (self.value is None) == (self.not_run is not None), "either a value or why there is none"
        return self


class Claim(Part):
    """A line that was drawn before the run, and on which side of it the figure fell."""

    says: str
    figure: str
    baseline: str
    measured: Range
    """The ratio, fraction or difference that the line is about."""
    at_least: float | None = None
    at_most: float | None = None
    holds: bool

    @model_validator(mode="after")
    def _true(self) -> Self:
        assert (self.at_least is None) != (self.at_most is None), "one line a claim"
        above = self.at_least is None or self.measured.median >= self.at_least
        below = self.at_most is None or self.measured.median <= self.at_most
        assert self.holds == (above and below), "holds is what the median says"
        return self


class Series(Part):
    """One line of a plot."""

    name: str
    x: list[float]
    y: list[float]


class Plot(Part):
    title: str
    x_label: str
    y_label: str
    series: list[Series]


class Table(Part):
    title: str
    columns: list[str]
    rows: list[list[str | float | int]]


class Budget(Part):
    rounds: int
    seconds: float
    what: str
    """What one sample was: streams, prompt, tokens."""


class Result(Part):
    case: str
    title: str
    figures: list[Figure]
    claims: list[Claim]
    holds: bool
    tables: list[Table] = Field(default_factory=list)
    plots: list[Plot] = Field(default_factory=list)
    budget: Budget
    limits: dict[str, float]
    """The machine's own: bytes or operations a second, by name."""
    machine: dict[str, str | int | float | list[str]]
    commit: str
    measured: str

    @model_validator(mode="after")
    def _all_hold(self) -> Self:
        assert self.holds == all(claim.holds for claim in self.claims), "a result holds if all its claims do"
        return self

    def write(self, folder: Path = RESULTS) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.case}.json"
        path.write_text(json.dumps(self.model_dump(exclude_none=True), indent=1, ensure_ascii=False) + "\n")
        return path


def read(path: Path) -> Result:
    return Result.model_validate_json(path.read_text())


def read_all(folder: Path = RESULTS) -> list[Result]:
    return [read(path) for path in sorted(folder.glob("*.json"))]


def claim(
    says: str,
    figure: str,
    baseline: str,
    measured: Spread,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Claim:
    """A claim judged by its median."""
    above = at_least is None or measured.median >= at_least
    below = at_most is None or measured.median <= at_most
    return Claim(
        says=says, figure=figure, baseline=baseline, measured=Range.of(measured),
        at_least=at_least, at_most=at_most, holds=above and below,
    )  # fmt: skip
