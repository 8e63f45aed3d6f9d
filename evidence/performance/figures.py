"""From samples to an engine's figure."""

from collections.abc import Sequence
from dataclasses import dataclass

from evidence.performance.engines.catalog import Engine
from evidence.performance.result import Figure, Limit, Range
from evidence.performance.statistics import Spread


@dataclass(frozen=True, slots=True)
class Sample:
    value: float
    """In the figure's unit."""
    wall: float
    cpu: float | None = None
    """Seconds of the engine's process; None where it has several."""


def figure(
    engine: Engine, unit: str, samples: Sequence[Sample], *, name: str = "", version: str = ""
) -> Figure:
    """``name`` says more than the engine's own."""
    values = [sample.value for sample in samples]
    cpu = [sample.cpu for sample in samples if sample.cpu is not None]
    return Figure(
        engine=name or engine.name,
        product=engine.product,
        precision=engine.precision,
        version=version,
        unit=unit,
        samples=[float(f"{value:.5g}") for value in values],
        value=Range.of(Spread.of(values)),
        cpu_seconds=Spread.of(cpu).median if cpu else None,
        wall_seconds=Spread.of([sample.wall for sample in samples]).median,
    )


def missing(engine: Engine, unit: str, why: str, *, name: str = "") -> Figure:
    """Of an engine that does not run here."""
    return Figure(
        engine=name or engine.name,
        product=engine.product,
        precision=engine.precision,
        unit=unit,
        not_run=why,
    )


def with_limit(found: Figure, what: str, value: float) -> Figure:
    """The figure beside what the machine could do."""
    if found.value is None:
        return found
    limit = Limit(what=what, value=value, fraction=found.value.median / value)
    return found.model_copy(update={"limit": limit})
