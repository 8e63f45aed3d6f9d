"""What the whole platform adds: one request over HTTP beside the same tokens from the engine alone.

Identity, limits, routing, encoding, three processes and the streaming between them stand before the engine.
Tokens are counted by what the answer's usage says.
"""

import time
from collections.abc import Mapping, Sequence

import httpx

from evidence.performance.alternation import alternate
from evidence.performance.batch import OURS
from evidence.performance.engines.process import EngineProcess
from evidence.performance.figures import Sample, figure
from evidence.performance.prompts import prompts, text_of
from evidence.performance.result import Result, Table
from evidence.performance.statistics import Spread
from evidence.performance.suite import Suite
from tests.harness.platform import eventually, running

TITLE = "The door"
ALONE, THROUGH = "the engine alone", "through the gateway"
TOKENS = 32
_END_TOKENS = {"0": -100.0, "2": -100.0}
"""Never drawn, so that every answer has its full length."""


def run(suite: Suite) -> Result:
    began, rounds = time.monotonic(), suite.rounds or 6
    engine = suite.engines()[OURS]
    suite.tell("  starting the platform")
    with running(COLONNADE_ENGINE_THREADS=str(suite.threads)) as platform, engine.start() as process:
        log = platform.home / "up.log"
        eventually(lambda: "curl" in log.read_text(), 300, "the bundled model is imported")
        with platform.client() as http:
            samples = _samples(suite, http, process, rounds)
    figures = [figure(engine, "ms a request", taken, name=name) for name, taken in samples.items()]
    what = f"1 stream, prompts of about 16 tokens, {TOKENS} greedy tokens, in one answer"
    return suite.result(
        "door", TITLE, figures, [], rounds=rounds, began=began, what=what, tables=[_table(samples)]
    )


def _samples(
    suite: Suite, http: httpx.Client, process: EngineProcess, rounds: int
) -> dict[str, list[Sample]]:
    asked = [prompts(1, 16)[0] for _ in range(rounds + 1)]

    def alone(index: int) -> Sample:
        answer = process.call("generate", prompts=[asked[index]], tokens=TOKENS)
        return Sample(1000 * answer.wall, answer.wall, answer.cpu)

    def through(index: int) -> Sample:
        wall = _post(http, text_of(asked[index]))
        return Sample(1000 * wall, wall)

    measures = {ALONE: alone, THROUGH: through}
    for measure in measures.values():
        measure(rounds)
    return alternate(measures, rounds, suite.tell)


def _table(samples: Mapping[str, Sequence[Sample]]) -> Table:
    both = zip(samples[THROUGH], samples[ALONE], strict=True)
    spread = Spread.of([through.value - alone.value for through, alone in both])
    return Table(
        title="What the way through the platform adds to a request",
        columns=["median, ms", "first quartile", "third quartile"],
        rows=[[round(spread.median, 1), round(spread.q1, 1), round(spread.q3, 1)]],
    )


def _post(http: httpx.Client, prompt: str) -> float:
    """Seconds of a request that answers in full length."""
    began = time.perf_counter()
    asked = {
        "prompt": prompt, "max_tokens": TOKENS, "preset": "deterministic", "logit_bias": _END_TOKENS,
    }  # fmt: skip
    response = http.post("/generate", json=asked).raise_for_status()
    wall = time.perf_counter() - began
    assert response.json()["usage"]["completion_tokens"] == TOKENS, "the answer is not as long as asked"
    return wall
