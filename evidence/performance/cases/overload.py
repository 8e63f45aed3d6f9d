"""Fifty times more requests than can be answered: what is still answered, and how soon the rest knows.

The real gateway and the real inference service before a mock engine with a few slots and a short queue, on
a machine of its own as it were. First as many clients as it can serve; then requests that come at random
at fifty times that rate, whatever becomes of those before.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evidence.performance import targets
from evidence.performance.alternation import alternate
from evidence.performance.engines.catalog import Engine
from evidence.performance.figures import Sample, figure
from evidence.performance.gateways.load import closed_loop, flood, request
from evidence.performance.gateways.processes import Chain, chain
from evidence.performance.gateways.upstream import MODEL
from evidence.performance.result import Claim, Figure, Result, claim
from evidence.performance.statistics import Spread, quantile, ratios
from evidence.performance.suite import Suite

TITLE = "Overload"
PEAK, FLOOD = "as many as it serves", "fifty times as many"
SLOTS, QUEUE, TOKENS, TOKEN_SECONDS = 4, 8, 50, 0.02
RATE = SLOTS / (TOKENS * TOKEN_SECONDS)
"""Answers a second that the engine can give."""
TIMES, SECONDS = 50, 15.0
_MILLISECONDS = 1e3


@dataclass(frozen=True, slots=True)
class Outcome:
    goodput: float
    """Answers a second."""
    refused: list[float]
    """Seconds until each refusal, sorted."""
    other: int
    """Neither answered nor refused with 429."""


def run(suite: Suite) -> Result:
    began, rounds = time.monotonic(), suite.rounds or 3
    with chain(slots=SLOTS, queue=QUEUE, token_seconds=TOKEN_SECONDS) as platform:
        _peak(platform, 3.0)
        measures = {
            PEAK: lambda _: _peak(platform, SECONDS),
            FLOOD: lambda index: _flood(platform, seed=index),
        }
        outcomes = alternate(measures, rounds, suite.tell)
    what = f"an engine of {RATE:g} answers a second; {TIMES * RATE:g} requests a second for {SECONDS:g} s"
    return suite.result(
        "overload", TITLE, _figures(outcomes), _claims(outcomes), rounds=rounds, began=began, what=what
    )


def _asked(platform: Chain) -> bytes:
    return request(platform.gateway.door, MODEL, TOKENS, stream=False, say="Tell me number 1.")


def _peak(platform: Chain, seconds: float) -> Outcome:
    began, count = time.perf_counter(), int(RATE * seconds)
    waited = closed_loop(platform.gateway.door, _asked(platform), clients=SLOTS + QUEUE // 2, requests=count)
    asyncio.run(waited)
    return Outcome(count / (time.perf_counter() - began), [], 0)


def _flood(platform: Chain, seed: int) -> Outcome:
    arrivals = flood(platform.gateway.door, _asked(platform), rate=TIMES * RATE, seconds=SECONDS, seed=seed)
    became = asyncio.run(arrivals)
    return Outcome(became.answered / became.seconds, sorted(became.refused), became.other)


def _figures(outcomes: Mapping[str, Sequence[Outcome]]) -> list[Figure]:
    engine = Engine("colonnade", "Colonnade", "", "")
    found = [
        figure(engine, "answers/s", [Sample(each.goodput, SECONDS) for each in of_kind], name=name)
        for name, of_kind in outcomes.items()
    ]
    for part, said in ((0.5, "median"), (0.99, "p99")):
        samples = [Sample(_MILLISECONDS * quantile(each.refused, part), SECONDS) for each in outcomes[FLOOD]]
        found.append(figure(engine, "ms", samples, name=f"until a refusal, {said}"))
    return found


def _claims(outcomes: Mapping[str, Sequence[Outcome]]) -> list[Claim]:
    peak, flooded = outcomes[PEAK], outcomes[FLOOD]
    goodput = ratios([each.goodput for each in flooded], [each.goodput for each in peak])
    refused = [_MILLISECONDS * quantile(each.refused, 0.99) for each in flooded]
    return [
        claim(
            "answers under the flood, of those without it", FLOOD, PEAK, goodput,
            at_least=targets.OVERLOAD_GOODPUT,
        ),
        claim(
            f"refusals within {targets.REFUSAL_MS:g} ms (p99)", FLOOD, "nothing", Spread.of(refused),
            at_most=targets.REFUSAL_MS,
        ),
        claim(
            "requests that were neither answered nor refused", FLOOD, "nothing",
            Spread.of([float(each.other) for each in flooded]), at_most=0.0,
        ),
    ]  # fmt: skip
