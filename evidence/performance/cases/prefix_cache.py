"""A prompt of which a part was seen before: the time to the first token falls in proportion to that part."""

import time
from collections.abc import Callable

from evidence.performance import targets
from evidence.performance.alternation import alternate
from evidence.performance.batch import OURS
from evidence.performance.engines.process import EngineProcess
from evidence.performance.figures import Sample, figure
from evidence.performance.prompts import prompts
from evidence.performance.result import Plot, Result, Series, claim
from evidence.performance.statistics import Spread
from evidence.performance.suite import Suite

TITLE = "Prefix cache"
LENGTH = 1024
SHARED = (0.0, 0.25, 0.5, 0.75, 0.875, 1.0)


def run(suite: Suite) -> Result:
    began, rounds = time.monotonic(), suite.rounds or 3
    engine = suite.engines()[OURS]
    with engine.start() as process:
        _first_token(process, 0.0)
        measures = {f"{part:g}": _measure(process, part) for part in SHARED}
        samples = alternate(measures, rounds, suite.tell)
    unit = "ms to the first token"
    figures = [figure(engine, unit, taken, name=f"{part} shared") for part, taken in samples.items()]
    medians = [each.value.median for each in figures if each.value]
    off = [abs(median / medians[0] - (1 - part)) for median, part in zip(medians, SHARED, strict=True)]
    says = "the time to the first token is within a tenth of (1 - shared part) of the whole, everywhere"
    worst = Spread(max(off), min(off), max(off))
    line = claim(says, "largest distance", "proportion", worst, at_most=targets.PREFIX_PROPORTION)
    what = f"1 stream, prompts of {LENGTH} tokens, 1 token; each after the prompt that it shares with"
    return suite.result(
        "prefix_cache", TITLE, figures, [line], rounds=rounds, began=began, what=what, plots=[_plot(medians)]
    )


def _measure(process: EngineProcess, part: float) -> Callable[[int], Sample]:
    return lambda _: _first_token(process, part)


def _first_token(process: EngineProcess, part: float) -> Sample:
    """A prompt that shares its first ``part`` with the one before."""
    seen, other = prompts(2, LENGTH)
    kept = int(part * LENGTH)
    process.call("generate", prompts=[seen], tokens=1)
    answer = process.call("generate", prompts=[[*seen[:kept], *other[kept:]]], tokens=1)
    return Sample(1000 * answer.wall, answer.wall, answer.cpu)


def _plot(medians: list[float]) -> Plot:
    whole = round(medians[0], 2)
    return Plot(
        title=f"Time to the first token of a prompt of {LENGTH} tokens",
        x_label="part of the prompt seen before",
        y_label="ms",
        series=[
            Series(name="measured", x=list(SHARED), y=[round(each, 2) for each in medians]),
            Series(name="in proportion", x=[0.0, 1.0], y=[whole, 0.0]),
        ],
    )
