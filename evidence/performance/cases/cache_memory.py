"""Memory: how little of the cache's pages is empty, and that ten thousand requests leave nothing behind.

Waste is taken after every forward of a batch of unlike lengths: of the places that running sequences hold,
those that nothing fills yet. Growth is taken with a tiny model, for which ten thousand requests are a minute.
"""

import random
import time
from pathlib import Path

from colonnade.models.convert.command import convert
from evidence.performance import model, targets
from evidence.performance.batch import OURS
from evidence.performance.engines.process import EngineProcess
from evidence.performance.figures import Sample, figure
from evidence.performance.prompts import prompts
from evidence.performance.result import Claim, Figure, Plot, Result, Series, claim
from evidence.performance.statistics import Spread
from evidence.performance.suite import Suite
from tests.harness.tiny_model import write_tiny_llama

TITLE = "Memory"
SEQUENCES, PROMPTS, ANSWERS = 16, (64, 768), (16, 64)
REQUESTS, AT_ONCE, EVERY, WARM = 10_000, 20, 500, 2_000
CACHE = 4 << 20
"""Bytes; full of what may be shared again long before ``WARM`` requests."""


def run(suite: Suite) -> Result:
    began = time.monotonic()
    suite.tell("  waste over unlike lengths")
    waste, waste_claim = _waste(suite)
    suite.tell(f"  {REQUESTS} requests")
    growth, growth_claims, plot = _growth(suite)
    what = f"{SEQUENCES} requests of unlike lengths; {REQUESTS} short requests, {AT_ONCE} at a time"
    return suite.result(
        "cache_memory", TITLE, [waste, growth], [waste_claim, *growth_claims],
        rounds=1, began=began, what=what, plots=[plot],
    )  # fmt: skip


def _waste(suite: Suite) -> tuple[Figure, Claim]:
    engine, draws = suite.engines()[OURS], random.Random(0)
    asked = [prompts(1, draws.randint(*PROMPTS))[0] for _ in range(SEQUENCES)]
    with engine.start() as process:
        answer = process.call("waste", prompts=asked, tokens=[draws.randint(*ANSWERS) for _ in asked])
    pairs = zip(answer.result["wasted"], answer.result["held"], strict=True)
    shares = [wasted / held for wasted, held in pairs if held]
    spread = Spread.of(shares)
    samples = [Sample(share, answer.wall, answer.cpu) for share in shares]
    waste = figure(engine, "share of the cache held", samples, name="places held but empty")
    waste = waste.model_copy(update={"samples": waste.samples[:: max(1, len(shares) // 50)]})
    says = "of the places that sequences hold, fewer than 4% are empty"
    return waste, claim(says, OURS, "all places held", spread, at_most=targets.CACHE_WASTE)


def _growth(suite: Suite) -> tuple[Figure, list[Claim], Plot]:
    folder, engine = _tiny(), suite.engines()[OURS]
    with engine.start(folder=str(folder), weights="float32", cache_bytes=CACHE) as process:
        taken = [_endure(process, first) for first in range(0, REQUESTS, EVERY)]
    done = [float(first + EVERY) for first in range(0, REQUESTS, EVERY)]
    resident = [float(each["resident"]) for each in taken]
    grown = resident[-1] - resident[done.index(WARM)]
    name = f"resident memory from {WARM} to {REQUESTS} requests"
    growth = figure(engine, "bytes grown", [Sample(grown, 0.0)], name=name)
    left = float(max(each["held"] + each["open"] for each in taken))
    claims = [
        claim(f"no growth of resident memory over {REQUESTS - WARM} requests", "bytes grown", "the start",
              Spread(grown, grown, grown), at_most=targets.GROWTH_BYTES),
        claim("no sequence and no page is held when no request runs", "bytes and sequences held", "nothing",
              Spread(left, left, left), at_most=0.0),
    ]  # fmt: skip
    megabytes = [round(each / 2**20, 2) for each in resident]
    plot = Plot(
        title="Memory over ten thousand requests",
        x_label="requests",
        y_label="MiB",
        series=[Series(name="resident", x=done, y=megabytes)],
    )
    return growth, claims, plot


def _endure(process: EngineProcess, first: int) -> dict[str, int]:
    draws = random.Random(first)
    asked = [[draws.randrange(3, 250) for _ in range(draws.randint(2, 24))] for _ in range(EVERY)]
    result: dict[str, int] = process.call("endure", prompts=asked, tokens=2, at_once=AT_ONCE).result
    return result


def _tiny() -> Path:
    """A model of a few thousand random weights, converted as any other."""
    given, out = model.FOLDER / "tiny-given", model.FOLDER / "tiny"
    if not out.exists():
        convert(write_tiny_llama(given), out, lambda _: None)
    return out
