"""Training: tokens a second and memory, beside the plain loop around a transformers model and LitGPT.

All train one decoder of the same shape on the same rows with the same optimiser, clipping and threads, and
take turns within one run. LitGPT compiles its model by itself, so a size is measured both ways.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from colonnade.learn.flops import flops_a_token
from colonnade.models.families.transformer.config import TransformerConfig
from evidence.performance import targets
from evidence.performance.alternation import alternate
from evidence.performance.engines.process import EngineProcess, NotRun
from evidence.performance.figures import Sample, figure, missing, with_limit
from evidence.performance.learners.catalog import OURS, learners, sampler
from evidence.performance.learners.shape import Run, Shape
from evidence.performance.learners.tokens import token_set
from evidence.performance.result import Claim, Figure, Result, claim
from evidence.performance.statistics import Spread, ratios
from evidence.performance.suite import Suite

TITLE = "Training"
UNIT, MEMORY = "tokens/s", "MiB at most"
SMALL = Shape(vocabulary=49_152, width=256, layers=4, heads=4, kv_heads=2, hidden=704, context=512)
SMOLLM2 = Shape(vocabulary=49_152, width=576, layers=30, heads=9, kv_heads=3, hidden=1536, context=512)


@dataclass(frozen=True, slots=True)
class Size:
    name: str
    run: Run
    every: int
    """Steps of one sample."""


def run(suite: Suite) -> Result:
    began, rounds = time.monotonic(), suite.rounds or 5
    figures: list[Figure] = []
    claims: list[Claim] = []
    sizes = _sizes(str(token_set()), suite.threads)
    for size in sizes:
        suite.tell(f"  {size.name}")
        speeds, memories = _measure(suite, size, rounds)
        figures += [*speeds.values(), *memories.values()]
        claims += _claims(size, speeds, memories)
    what = "; ".join(f"{each.name}: {each.every} steps of {each.run.places} tokens" for each in sizes)
    return suite.result("learning", TITLE, figures, claims, rounds=rounds, began=began, what=what)


def _sizes(data: str, threads: int) -> list[Size]:
    small = Run(SMALL, rows=8, tokens=256, data=data, threads=threads)
    large = Run(SMOLLM2, rows=4, tokens=256, data=data, threads=threads)
    return [
        Size("16M", small, 4),
        Size("16M compiled", replace(small, compile=True), 4),
        Size("135M", large, 2),
    ]


def _measure(suite: Suite, size: Size, rounds: int) -> tuple[dict[str, Figure], dict[str, Figure]]:
    """Speeds and memories by learner."""
    engines = learners(size.run, size.every)
    processes: dict[str, EngineProcess] = {}
    refused: dict[str, str] = {}
    try:
        for name, engine in engines.items():
            try:
                processes[name] = engine.start()
                processes[name].call("steps", count=size.every)  # warms up, and compiles
            except NotRun as reason:
                suite.tell(f"  not run: {name}: {reason}")
                refused[name] = str(reason)
        running = {name: each for name, each in processes.items() if name not in refused}
        taken = alternate(
            {name: sampler(each, size.run, size.every) for name, each in running.items()}, rounds, suite.tell
        )
        told = {name: each.call("describe").result for name, each in running.items()}
    finally:
        for each in processes.values():
            each.close()
    most = suite.limit("compute", dtype="float32", rows=size.run.rows * size.run.tokens)
    limit = most / _flops(size.run)
    speeds, memories = dict[str, Figure](), dict[str, Figure]()
    for name, engine in engines.items():
        title = f"{name}, {size.name}"
        if name in refused:
            speeds[name] = missing(engine, UNIT, refused[name], name=title)
            continue
        version = str(told[name]["version"])
        speed = figure(engine, UNIT, taken[name], name=title, version=version)
        what = "operations of the equations over the rate of float32 products of SmolLM2's shapes"
        speeds[name] = with_limit(speed, what, limit)
        peak = [Sample(told[name]["peak_bytes"] / 2**20, 0.0)]
        memories[name] = figure(engine, MEMORY, peak, name=title, version=version)
    return speeds, memories


def _flops(run: Run) -> float:
    shape = run.shape
    config = TransformerConfig(
        vocab_size=shape.vocabulary, context_length=shape.context, width=shape.width, layers=shape.layers,
        heads=shape.heads, kv_heads=shape.kv_heads, head_width=shape.width // shape.heads,
        hidden=shape.hidden,
    )  # fmt: skip
    return flops_a_token(config, run.tokens)


def _claims(size: Size, speeds: Mapping[str, Figure], memories: Mapping[str, Figure]) -> list[Claim]:
    peers = [name for name in memories if name != OURS]
    if not peers or OURS not in memories:
        return []
    fastest = max(peers, key=lambda name: _median(speeds[name]))
    leanest = min(peers, key=lambda name: _median(memories[name]))
    held = ratios(memories[OURS].samples, memories[leanest].samples)
    return [
        claim(
            f"{size.name}: faster than both", speeds[OURS].engine, speeds[fastest].engine,
            ratios(speeds[OURS].samples, speeds[fastest].samples), at_least=targets.LEARNING_TO_BEST_PEER,
        ),
        claim(
            f"{size.name}: in less memory than both", memories[OURS].engine, memories[leanest].engine,
            Spread(held.median, held.median, held.median), at_most=targets.LEARNING_MEMORY_TO_LEANEST_PEER,
        ),
    ]  # fmt: skip


def _median(found: Figure) -> float:
    assert found.value is not None, "it ran"
    return found.value.median
