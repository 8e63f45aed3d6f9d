"""Requests that come at random, of unlike lengths: how many are served well, how long the slowest wait.

Poisson arrivals, lengths spread over orders of magnitude, the same for every engine. A request is served well
if its first token comes within two seconds and the others every 200 ms on average; goodput counts the tokens
of those alone.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from evidence.performance import targets
from evidence.performance.alternation import alternate
from evidence.performance.arrivals import Arrival, Served, poisson
from evidence.performance.batch import OURS
from evidence.performance.engines.catalog import Engine
from evidence.performance.engines.process import EngineProcess
from evidence.performance.figures import Sample, figure, missing
from evidence.performance.prompts import prompts
from evidence.performance.result import Claim, Figure, Result, Table, claim
from evidence.performance.statistics import Spread, quantile, ratios
from evidence.performance.suite import Suite

TITLE = "Mixed load"
RATES = (0.75, 1.5)
"""Arrivals a second."""
COUNT, PROMPTS, ANSWERS = 24, (16, 256), (8, 64)
FIRST_SECONDS, NEXT_SECONDS = 2.0, 0.2
PEER = "vllm float32"
WARMING, WARMING_RATE = 10, 4.0
"""Requests before any is measured, so that what an engine compiles on first use is there."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an engine made of one series of arrivals."""

    goodput: float
    """Tokens a second of the requests that were served well."""
    first: list[float]
    """Seconds to the first token, of every request, sorted."""
    gaps: list[float]
    """Seconds between tokens, of all requests, sorted."""
    cpu: float
    wall: float


def run(suite: Suite) -> Result:
    began, rounds = time.monotonic(), suite.rounds or 2
    wanted = [suite.engines(32)[name] for name in (OURS, PEER)]
    figures: list[Figure] = []
    claims: list[Claim] = []
    rows: list[list[str | float | int]] = []
    running, refused = suite.started(wanted)
    for process in running.values():
        process.call("serve_arrivals", arrivals=_arrivals(WARMING_RATE, seed=-1)[:WARMING])
    for rate in RATES:
        series = [_arrivals(rate, seed) for seed in range(rounds)]
        measures = {name: _measure(process, series) for name, process in running.items()}
        outcomes = alternate(measures, rounds, suite.tell)
        figures += [_figure(engine, rate, outcomes.get(engine.name), refused) for engine in wanted]
        rows += [_row(rate, name, of_engine) for name, of_engine in outcomes.items()]
        claims += _claims(rate, outcomes)
    lengths = f"prompts of {PROMPTS[0]} to {PROMPTS[1]} tokens, answers of {ANSWERS[0]} to {ANSWERS[1]}"
    what = f"{COUNT} requests, {lengths}"
    columns = ["a second", "engine", "first token p50, s", "p99, s", "between tokens p50, ms", "p99, ms"]
    table = Table(title="Waiting times", columns=columns, rows=rows)
    return suite.result(
        "mixed_load", TITLE, figures, claims, rounds=rounds, began=began, what=what, tables=[table]
    )


def _arrivals(rate: float, seed: int) -> list[Arrival]:
    times = poisson(rate, COUNT, PROMPTS, ANSWERS, seed)
    return [
        {"name": f"r{index}", "at": at, "prompt": prompts(1, prompt)[0], "tokens": answer}
        for index, (at, prompt, answer) in enumerate(times)
    ]


def _measure(process: EngineProcess, series: Sequence[Sequence[Arrival]]) -> Callable[[int], Outcome]:
    def serve(index: int) -> Outcome:
        answer = process.call("serve_arrivals", arrivals=series[index])
        return outcome(answer.result, answer.cpu, answer.wall)

    return serve


def outcome(served: Sequence[Served], cpu: float, wall: float) -> Outcome:
    end = max(each["times"][-1] for each in served)
    gaps = [later - earlier for each in served for earlier, later in pairwise(each["times"])]
    well = sum(len(each["times"]) for each in served if _served_well(each))
    return Outcome(
        goodput=well / end,
        first=sorted(each["times"][0] - each["due"] for each in served),
        gaps=sorted(gaps),
        cpu=cpu,
        wall=wall,
    )


def _served_well(served: Served) -> bool:
    times = served["times"]
    mean_gap = (times[-1] - times[0]) / max(1, len(times) - 1)
    return times[0] - served["due"] <= FIRST_SECONDS and mean_gap <= NEXT_SECONDS


def _figure(
    engine: Engine, rate: float, outcomes: Sequence[Outcome] | None, refused: Mapping[str, str]
) -> Figure:
    name, unit = f"{engine.name}, {rate:g} a second", "tokens/s served well"
    if outcomes is None:
        return missing(engine, unit, refused[engine.name], name=name)
    return figure(engine, unit, [Sample(each.goodput, each.wall, each.cpu) for each in outcomes], name=name)


def _row(rate: float, name: str, outcomes: Sequence[Outcome]) -> list[str | float | int]:
    first = sorted(each for of_round in outcomes for each in of_round.first)
    gaps = sorted(each for of_round in outcomes for each in of_round.gaps)
    return [
        rate, name,
        round(quantile(first, 0.5), 2), round(quantile(first, 0.99), 2),
        round(1000 * quantile(gaps, 0.5), 1), round(1000 * quantile(gaps, 0.99), 1),
    ]  # fmt: skip


def _claims(rate: float, outcomes: Mapping[str, Sequence[Outcome]]) -> list[Claim]:
    if PEER not in outcomes or OURS not in outcomes:
        return []
    ours, theirs = outcomes[OURS], outcomes[PEER]
    more = [mine.goodput - its.goodput for mine, its in zip(ours, theirs, strict=True)]
    longest = {
        "to the first token": [[quantile(each.first, 0.99) for each in whose] for whose in (theirs, ours)],
        "between tokens": [[quantile(each.gaps, 0.99) for each in whose] for whose in (theirs, ours)],
    }
    label = f"{rate:g} a second"
    return [
        claim(
            f"{label}: tokens a second served well, more than the peer's", OURS, PEER, Spread.of(more),
            at_least=targets.MIXED_LOAD_MORE,
        ),
        *(
            claim(f"{label}: the peer's p99 {what} over ours", OURS, PEER, ratios(*both),
                  at_least=targets.MIXED_LOAD_P99)
            for what, both in longest.items()
        ),
    ]  # fmt: skip
