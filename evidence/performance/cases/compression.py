"""Smaller models: what they take, how fast they are, and what they have unlearnt.

SmolLM2 comes in four bits, so keeping it in four costs nothing and says nothing; a model of our own that was
never in fewer than 32 says what rounding costs. What teaching a pruned model again brings is measured beside
as many steps on the text alone.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from evidence.performance import model, targets
from evidence.performance.alternation import alternate
from evidence.performance.compressed.making import HIDDEN, LENGTH, Rows, Workshop
from evidence.performance.engines.catalog import Engine
from evidence.performance.engines.process import EngineProcess
from evidence.performance.figures import Sample, figure
from evidence.performance.prompts import prompts
from evidence.performance.result import Claim, Figure, Result, Table, claim
from evidence.performance.statistics import Spread, ratios
from evidence.performance.suite import Suite

TITLE = "Compression"
TOKENS, STEPS, FLOATING_STEPS, ROWS = 64, 8, 60, 4
"""Of an answer; of learning and rows to judge by, a round."""
_JUDGE = "evidence.performance.compressed.judge"


@dataclass(frozen=True, slots=True)
class Variant:
    name: str
    folder: Path
    weights: str
    timed: bool = False

    def __str__(self) -> str:
        return f"{self.name}, {self.weights}"


@dataclass(frozen=True, slots=True)
class Judged:
    weight_bytes: int
    surprise: list[float]
    """Of each row, in nats a token."""

    @property
    def perplexity(self) -> float:
        return math.exp(sum(self.surprise) / len(self.surprise))


def run(suite: Suite) -> Result:
    began, rounds = time.monotonic(), suite.rounds or 5
    workshop = Workshop.fresh(suite.threads, suite.tell)
    own, floating = _variants(workshop, STEPS * rounds, FLOATING_STEPS * rounds)
    held, others = (workshop.held_out(data, ROWS * rounds) for data in ("pages", "floating-pages"))
    found = {str(each): _judged(suite, each, held) for each in own}
    found |= {str(each): _judged(suite, each, others) for each in floating}
    figures = _speeds(suite, [each for each in own if each.timed], rounds)
    what = (
        f"1 stream, prompts of 16 tokens, {TOKENS} greedy tokens; perplexity of {ROWS * rounds} rows of"
        f" {LENGTH} tokens that nobody learnt from; pruned to {HIDDEN} of 1,536 neurons;"
        f" {STEPS * rounds} steps of 4 rows after that, {FLOATING_STEPS * rounds} of 8 for the small model"
    )
    return suite.result(
        "compression", TITLE, figures, [*_claims(found), *_parity(suite, workshop.onnx(), held)],
        rounds=rounds, began=began, what=what, tables=[_table(found)],
    )  # fmt: skip


def _variants(workshop: Workshop, steps: int, floating_steps: int) -> tuple[list[Variant], list[Variant]]:
    """SmolLM2 and what was made of it, and the small model of our own."""
    base, pruned = model.folder(), workshop.pruned()
    alone = workshop.taught("alone", steps, {"kind": "next_token"})
    teacher = {"kind": "distil", "teacher": str(base), "weight": 0.7, "top": 64}
    taught = workshop.taught("taught", steps, teacher)
    small = workshop.floating(floating_steps)
    return [
        *(Variant("SmolLM2", base, weights, timed=True) for weights in ("float32", "int8", "int4")),
        *(Variant("pruned", pruned, weights, timed=True) for weights in ("float32", "int4")),
        Variant("pruned, then the text", alone, "float32"),
        Variant("pruned, then its teacher", taught, "float32"),
        Variant("pruned, then its teacher", taught, "int4"),
    ], [Variant("small, trained in float32", small, weights) for weights in ("float32", "int8", "int4")]


def _judge(suite: Suite, variant: Variant, **more: str) -> EngineProcess:
    options = {"folder": str(variant.folder), "weights": variant.weights, "threads": suite.threads, **more}
    name = f"judge {variant.folder.parent.name} {variant.weights}"
    return Engine(name, "Colonnade", variant.weights, _JUDGE, options=options).start()


def _judged(suite: Suite, variant: Variant, rows: Rows) -> Judged:
    suite.tell(f"  judging: {variant}")
    tokens, targets_ = rows
    with _judge(suite, variant) as process:
        size = process.call("weight_bytes").result
        return Judged(size, process.call("surprise", tokens=tokens, targets=targets_).result)


def _speeds(suite: Suite, variants: Sequence[Variant], rounds: int) -> list[Figure]:
    engines = {str(each): suite.engines()[f"colonnade {each.weights}"] for each in variants}
    processes = {str(each): engines[str(each)].start(folder=str(each.folder)) for each in variants}
    try:
        for process in processes.values():
            process.call("generate", prompts=prompts(1, 16), tokens=4)
        asked = [prompts(1, 16) for _ in range(rounds)]
        measures = {name: partial(_sample, process, asked) for name, process in processes.items()}
        samples = alternate(measures, rounds, suite.tell)
    finally:
        for process in processes.values():
            process.close()
    return [figure(engines[name], "tokens/s", taken, name=name) for name, taken in samples.items()]


def _sample(process: EngineProcess, asked: Sequence[Sequence[Sequence[int]]], index: int) -> Sample:
    answer = process.call("generate", prompts=asked[index], tokens=TOKENS)
    return Sample(TOKENS / answer.wall, answer.wall, answer.cpu)


def _worse(found: Mapping[str, Judged], name: str, than: str) -> Spread:
    """Perplexity over perplexity, row by row."""
    pairs = zip(found[name].surprise, found[than].surprise, strict=True)
    return Spread.of([math.exp(one - other) for one, other in pairs])


def _claims(found: Mapping[str, Judged]) -> list[Claim]:
    small, taught = "small, trained in float32", "pruned, then its teacher, float32"
    lines = {"int8": targets.INT8_PERPLEXITY, "int4": targets.INT4_PERPLEXITY}
    rounding = [
        claim(
            f"perplexity in {weights} over that in float32, trained in float32", f"{small}, {weights}",
            f"{small}, float32", _worse(found, f"{small}, {weights}", f"{small}, float32"), at_most=line,
        )
        for weights, line in lines.items()
    ]  # fmt: skip
    alone = "pruned, then the text, float32"
    return [
        *rounding,
        claim("perplexity after a teacher over that after as many steps on the text alone", taught, alone,
              _worse(found, taught, alone), at_most=targets.TAUGHT_TO_ALONE),
    ]  # fmt: skip


def _parity(suite: Suite, graph: Path, rows: Rows) -> list[Claim]:
    suite.tell("  beside ONNX Runtime")
    with _judge(suite, Variant("SmolLM2", model.folder(), "float32"), graph=str(graph)) as process:
        told = process.call("parity", tokens=rows[0]).result
    return [
        claim("largest difference of a logit", "ONNX Runtime", "the engine's own", Spread.of(told["largest"]),
              at_most=targets.ONNX_LOGITS),
        claim("places with the same best token", "ONNX Runtime", "the engine's own", Spread.of(told["same"]),
              at_least=targets.ONNX_SAME),
    ]  # fmt: skip


def _table(found: Mapping[str, Judged]) -> Table:
    rows: list[list[str | float | int]] = []
    for name, judged in found.items():
        whole = "SmolLM2, float32" if not name.startswith("small") else "small, trained in float32, float32"
        size = judged.weight_bytes / found[whole].weight_bytes
        spread = ratios([judged.perplexity], [found[whole].perplexity])
        rows.append(
            [
                name,
                round(judged.weight_bytes / 2**20, 1),
                round(size, 3),
                round(judged.perplexity, 3),
                round(spread.median, 4),
            ]
        )
    columns = ["model", "MiB of weights", "of float32", "perplexity", "over the whole one's in float32"]
    return Table(title="Sizes, and perplexity of held-out pages", columns=columns, rows=rows)
