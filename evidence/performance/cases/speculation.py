"""Guessing ahead: speed-up and acceptance, beside what the formula promises for that acceptance.

Leviathan et al. 2022 (arXiv:2211.17192): where a share ``a`` of guesses is right, a step of g guesses yields
1 + a + ... + a^g tokens. The paper takes a verification of g + 1 rows to cost what one row costs; on
a processor it costs more, so its measured time goes into the formula, as does that of guessing.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from evidence.performance import targets
from evidence.performance.alternation import alternate
from evidence.performance.engines.catalog import Engine
from evidence.performance.engines.process import EngineProcess
from evidence.performance.figures import Sample, figure
from evidence.performance.prompts import copying, prompts
from evidence.performance.result import Claim, Figure, Result, Table, claim
from evidence.performance.statistics import Spread, ratios
from evidence.performance.suite import Suite

TITLE = "Speculation"
TOKENS, GUESSES = 96, 4
WAYS = {"plain": 0, "four guesses": GUESSES, "as many as pay": -1}
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Trial:
    """One way of guessing on one kind of text."""

    name: str
    weights: str
    method: str
    prompt: Callable[[], list[int]]


TRIALS = (
    Trial("prompt lookup, copying", "auto", "prompt_lookup", partial(copying, TOKENS)),
    Trial("prompt lookup, new text", "auto", "prompt_lookup", lambda: prompts(1, 128)[0]),
    Trial("int4 copy for bfloat16", "bfloat16", "self", lambda: prompts(1, 128)[0]),
)


@dataclass(frozen=True, slots=True)
class Guessed:
    seconds: float
    """From the first token to the last."""
    cpu: float
    wall: float
    answers: list[list[int]]
    record: Record


def run(suite: Suite) -> Result:
    began, rounds = time.monotonic(), suite.rounds or 4
    figures: list[Figure] = []
    claims: list[Claim] = []
    rows: list[list[str | float | int]] = []
    for trial in TRIALS:
        samples = _samples(suite, trial, rounds)
        figures += [
            _figure(suite.engines()[f"colonnade {trial.weights}"], trial, way, of_way)
            for way, of_way in samples.items()
        ]
        claims += _claims(trial, samples)
        rows.append(_row(trial, samples))
    columns = [
        "trial", "acceptance", "tokens a step", "speed-up", "formula", "formula, rows free", "as many as pay",
    ]  # fmt: skip
    table = Table(title="Four guesses a step, beside the formula", columns=columns, rows=rows)
    return suite.result(
        "speculation", TITLE, figures, claims,
        rounds=rounds, began=began, what=f"1 stream, {TOKENS} greedy tokens, three ways in one process",
        tables=[table],
    )  # fmt: skip


def acceptance(records: Sequence[Record]) -> float:
    """The share of guesses that were right, of those that were judged: none is after the first wrong one."""
    verified = [each for record in records for each in record["verified"]]
    judged = sum(min(proposed, accepted + 1) for proposed, accepted in verified)
    return float(sum(accepted for _, accepted in verified) / max(1, judged))


def formula(record: Record, share: float, one_row: float) -> float:
    """The speed-up that the shares of right guesses and the measured times promise."""
    tokens, seconds = float(record["plain_steps"]), record["plain_steps"] * one_row
    for proposed, _ in record["verified"]:
        tokens += sum(share**power for power in range(proposed + 1))
        seconds += record["seconds"][str(proposed + 1)] + proposed * record["guess_seconds"]
    return float(tokens * one_row / seconds)


def _samples(suite: Suite, trial: Trial, rounds: int) -> dict[str, list[Guessed]]:
    engine = suite.engines()[f"colonnade {trial.weights}"]
    with engine.start(speculation=trial.method, guesses=GUESSES) as process:
        asked = [trial.prompt() for _ in range(rounds + 1)]
        for guesses in WAYS.values():
            _sample(process, asked[-1], guesses)
        measures = {way: _measure(process, asked, guesses) for way, guesses in WAYS.items()}
        suite.tell(f"  {trial.name}")
        return alternate(measures, rounds, suite.tell)


def _measure(process: EngineProcess, asked: Sequence[list[int]], guesses: int) -> Callable[[int], Guessed]:
    return lambda index: _sample(process, asked[index], guesses)


def _sample(process: EngineProcess, prompt: list[int], guesses: int) -> Guessed:
    answer = process.call("speculate", prompts=[prompt], tokens=TOKENS, guesses=guesses)
    found = answer.result
    return Guessed(found["decode_seconds"], answer.cpu, answer.wall, found["answers"], found["record"])


def _figure(engine: Engine, trial: Trial, way: str, samples: Sequence[Guessed]) -> Figure:
    taken = [Sample((TOKENS - 1) / sample.seconds, sample.wall, sample.cpu) for sample in samples]
    return figure(engine, "tokens/s", taken, name=f"{trial.name}: {way}")


def _speedup(samples: Mapping[str, Sequence[Guessed]], way: str) -> Spread:
    return ratios(*([sample.seconds for sample in samples[which]] for which in ("plain", way)))


def _promise(samples: Mapping[str, Sequence[Guessed]]) -> float:
    guessed = [sample.record for sample in samples["four guesses"]]
    one_row = Spread.of([sample.record["seconds"]["1"] for sample in samples["plain"]]).median
    share = acceptance(guessed)
    return Spread.of([formula(record, share, one_row) for record in guessed]).median


def _claims(trial: Trial, samples: Mapping[str, Sequence[Guessed]]) -> list[Claim]:
    same = [
        float(plain.answers == guessed.answers)
        for way in WAYS
        for plain, guessed in zip(samples["plain"], samples[way], strict=True)
    ]
    promise, speedup = _promise(samples), _speedup(samples, "four guesses")
    of_promise = Spread(*(each / promise for each in (speedup.median, speedup.q1, speedup.q3)))
    return [
        claim("greedy answers are the same with guesses", trial.name, "plain",
              Spread(sum(same) / len(same), min(same), max(same)), at_least=1.0),
        claim("speed-up over what acceptance and costs promise", trial.name, "the formula", of_promise,
              at_least=targets.SPECULATION_OF_FORMULA),
    ]  # fmt: skip


def _row(trial: Trial, samples: Mapping[str, Sequence[Guessed]]) -> list[str | float | int]:
    guessed = [sample.record for sample in samples["four guesses"]]
    share, one_row = acceptance(guessed), samples["plain"][0].record["seconds"]["1"]
    steps = [record["plain_steps"] + len(record["verified"]) for record in guessed]
    free = [
        formula({**record, "seconds": dict.fromkeys(record["seconds"], one_row)}, share, one_row)
        for record in guessed
    ]
    return [
        trial.name,
        round(share, 3),
        round((TOKENS - 1) / Spread.of(steps).median, 2),
        round(_speedup(samples, "four guesses").median, 2),
        round(_promise(samples), 2),
        round(Spread.of(free).median, 2),
        round(_speedup(samples, "as many as pay").median, 2),
    ]
