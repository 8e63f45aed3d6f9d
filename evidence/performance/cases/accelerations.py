"""What each acceleration of training brings alone: the same run with it and without it, taking turns.

Tokens a second and the most memory held, as ratios to the run without. What saves memory costs time, and the
line is drawn where a user decides: what must be faster is faster, what must be smaller is smaller.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from evidence.performance.alternation import alternate
from evidence.performance.cases.learning import MEMORY, SMALL, UNIT
from evidence.performance.engines.catalog import Engine
from evidence.performance.engines.process import EngineProcess, NotRun
from evidence.performance.figures import Sample, figure, missing
from evidence.performance.learners.catalog import ours, sampler
from evidence.performance.learners.shape import Run
from evidence.performance.learners.tokens import token_set
from evidence.performance.machine import flags
from evidence.performance.result import Claim, Figure, Result, claim
from evidence.performance.statistics import Spread, ratios
from evidence.performance.suite import Suite

TITLE = "What makes training faster or smaller"
EVERY = 4
"""Steps of one sample."""
_FAST_HALVES = {"amx_bf16", "avx512_bf16"}


@dataclass(frozen=True, slots=True)
class Pair:
    """A run without something, and the same with it."""

    name: str
    gains: str
    """``speed`` or ``memory``: what it is for."""
    without: Run
    with_it: Run
    switch: Mapping[str, Any] = field(default_factory=dict)
    """What the run without it turns off in Colonnade itself."""


def run(suite: Suite) -> Result:
    began, rounds = time.monotonic(), suite.rounds or 3
    figures: list[Figure] = []
    claims: list[Claim] = []
    plain = Run(SMALL, rows=8, tokens=256, data=str(token_set()), threads=suite.threads)
    for pair in _pairs(plain):
        suite.tell(f"  {pair.name}")
        found, claimed = _measure(suite, pair, rounds)
        figures += found
        claims += claimed
    what = f"{EVERY} steps of {plain.places} tokens, 16M parameters"
    return suite.result("accelerations", TITLE, figures, claims, rounds=rounds, began=began, what=what)


def _pairs(plain: Run) -> list[Pair]:
    long = replace(plain, rows=4, tokens=512)
    small = replace(plain, rows=2, accumulate=4)
    halves = replace(plain, precision="bfloat16-mixed")
    return [
        Pair("flash attention", "memory", long, long, {"flash": False}),
        Pair("cross-entropy in chunks", "memory", plain, plain, {"chunks": False}),
        Pair("recomputed activations", "memory", plain, replace(plain, recompute=True)),
        Pair("accumulation, 2 rows four times", "memory", plain, small),
        Pair("reading ahead", "speed", plain, plain, {"ahead": False}),
        Pair("torch.compile", "speed", plain, replace(plain, compile=True)),
        *([Pair("mixed precision", "speed", plain, halves)] if _FAST_HALVES & flags() else []),
    ]


def _measure(suite: Suite, pair: Pair, rounds: int) -> tuple[list[Figure], list[Claim]]:
    engines = {
        "without": ours(pair.without, EVERY, name=f"without: {pair.name}", **pair.switch),
        "with": ours(pair.with_it, EVERY, name=f"with: {pair.name}"),
    }
    processes: dict[str, EngineProcess] = {}
    try:
        for name, engine in engines.items():
            processes[name] = engine.start()
            processes[name].call("steps", count=EVERY)  # warms up, and compiles
        taken = alternate(
            {name: sampler(each, pair.without, EVERY) for name, each in processes.items()}, rounds
        )
        peaks = {name: each.call("describe").result["peak_bytes"] / 2**20 for name, each in processes.items()}
    except NotRun as reason:
        suite.tell(f"  not run: {reason}")
        return [missing(engine, UNIT, str(reason)) for engine in engines.values()], []
    finally:
        for each in processes.values():
            each.close()
    return _judged(pair, engines, taken, peaks)


def _judged(
    pair: Pair, engines: Mapping[str, Engine], taken: Mapping[str, list[Sample]], peaks: Mapping[str, float]
) -> tuple[list[Figure], list[Claim]]:
    speeds = {name: figure(engine, UNIT, taken[name]) for name, engine in engines.items()}
    memories = {name: figure(engine, MEMORY, [Sample(peaks[name], 0.0)]) for name, engine in engines.items()}
    told = [*speeds.values(), *memories.values()]
    faster = ratios(speeds["with"].samples, speeds["without"].samples)
    share = peaks["with"] / peaks["without"]
    names = engines["with"].name, engines["without"].name
    if pair.gains == "speed":
        return told, [claim(f"{pair.name}: faster", *names, faster, at_least=1.0)]
    smaller = Spread(share, share, share)
    return told, [claim(f"{pair.name}: smaller", *names, smaller, at_most=1.0)]
