"""One request alone: how fast the next token comes, in every precision, beside peers and memory's limit.

A token needs every weight once, so the floor is the weights' bytes over bandwidth. What of a token's time is
not the products is profiled.
"""

import time

from evidence.performance import limits, targets
from evidence.performance.figures import with_limit
from evidence.performance.prompts import prompts
from evidence.performance.result import Claim, Figure, Result, Table, claim
from evidence.performance.statistics import Spread, ratios
from evidence.performance.suite import Suite
from evidence.performance.throughput import Load, measure

TITLE = "One stream"
_BYTES = {"float32": 4.0, "bfloat16": 2.0, "int8": 1 + 4 / 32, "int4": 0.5 + 4 / 32}
"""Of a weight; int8 and int4 have a scale, int4 also a minimum, for each 32 weights."""
_PROFILED = ("int4", "bfloat16")


def run(suite: Suite) -> Result:
    began, rounds, load = time.monotonic(), suite.rounds or 5, Load.generation(1, 64)
    engines = suite.engines()
    wanted = [
        each for each in engines.values() if each.name not in ("colonnade auto", "transformers batching")
    ]
    figures = measure(suite, wanted, load, rounds)
    for weights in _BYTES:
        name = f"colonnade {weights}"
        figures[name] = with_limit(figures[name], *_limit(suite, weights))
    profiles = [_profile(suite, weights) for weights in _PROFILED]
    claims = [*_beside_llama_cpp(figures), *_of_the_limit(figures)]
    return suite.result(
        "decode_one_stream", TITLE, list(figures.values()), claims,
        rounds=rounds, began=began, what=str(load), tables=profiles,
    )  # fmt: skip


def _limit(suite: Suite, weights: str) -> tuple[str, float]:
    """Tokens a second if nothing but the weights' bytes took time."""
    if weights in ("float32", "bfloat16"):
        what = f"weights over the bandwidth of a {weights} matrix-vector product"
        bandwidth = suite.limit("bandwidth", dtype=weights)
    else:
        what, bandwidth = "weights over memory's bandwidth", suite.limit("memory")
    return what, bandwidth / (limits.PARAMETERS * _BYTES[weights])


def _beside_llama_cpp(figures: dict[str, Figure]) -> list[Claim]:
    ours, theirs = figures["colonnade int4"], figures["llama.cpp"]
    if not (ours.samples and theirs.samples):
        return []
    says = "at equal bits (four and the scales), at least as fast as llama.cpp"
    ratio = ratios(ours.samples, theirs.samples)
    return [claim(says, ours.engine, theirs.engine, ratio, at_least=targets.ONE_STREAM_TO_LLAMA_CPP)]


def _of_the_limit(figures: dict[str, Figure]) -> list[Claim]:
    ours = figures["colonnade bfloat16"]
    if not (ours.limit and ours.value):
        return []
    fractions = Spread.of([rate / ours.limit.value for rate in ours.samples])
    says = "in bfloat16, at least 70% of what the bandwidth of the same product allows"
    return [claim(says, ours.engine, ours.limit.what, fractions, at_least=targets.BF16_OF_LIMIT)]


def _profile(suite: Suite, weights: str) -> Table:
    with suite.engines()[f"colonnade {weights}"].start() as process:
        process.call("generate", prompts=prompts(1, 16), tokens=8)
        found = process.call("profile", prompts=prompts(1, 16), tokens=129).result
    rows: list[list[str | float | int]] = [
        [place, round(100 * share, 1), round(1000 * share * found["seconds_a_token"], 3)]
        for place, share in found["shares"].items()
    ]
    total = f"{1000 * found['seconds_a_token']:.2f} ms a token"
    return Table(
        title=f"Where a token's time goes, {weights} ({total})", columns=["where", "%", "ms"], rows=rows
    )
