"""Many LoRA adapters in one batch: what they cost, beside the same batch without any."""

import time
from collections.abc import Callable, Mapping, Sequence

from evidence.performance.alternation import alternate
from evidence.performance.batch import OURS
from evidence.performance.engines.process import EngineProcess
from evidence.performance.figures import Sample, figure
from evidence.performance.prompts import prompts
from evidence.performance.result import Result, Table
from evidence.performance.statistics import ratios
from evidence.performance.suite import Suite

TITLE = "Adapters"
STREAMS, TOKENS, RANK = 8, 32, 16
COUNTS = (0, 1, 8)


def run(suite: Suite) -> Result:
    began, rounds = time.monotonic(), suite.rounds or 3
    engine = suite.engines(STREAMS)[OURS]
    names = [f"adapter {index}" for index in range(max(COUNTS))]
    with engine.start() as process:
        process.call("add_adapters", names=names, rank=RANK)
        measures = {f"{count} adapters": _measure(process, names[:count]) for count in COUNTS}
        for measure in measures.values():
            measure(0)
        samples = alternate(measures, rounds, suite.tell)
    figures = [figure(engine, "tokens/s", taken, name=name) for name, taken in samples.items()]
    what = f"{STREAMS} streams, prompts of 16 tokens, {TOKENS} greedy tokens each; rank {RANK} on every layer"
    return suite.result(
        "adapters", TITLE, figures, [], rounds=rounds, began=began, what=what, tables=[_table(samples)]
    )


def _measure(process: EngineProcess, used: list[str]) -> Callable[[int], Sample]:
    def sample(_: int) -> Sample:
        asked = prompts(STREAMS, 16)
        answer = process.call("generate", prompts=asked, tokens=TOKENS, adapters=used)
        return Sample(STREAMS * TOKENS / answer.wall, answer.wall, answer.cpu)

    return sample


def _table(samples: Mapping[str, Sequence[Sample]]) -> Table:
    rates = {name: [sample.value for sample in taken] for name, taken in samples.items()}
    plain = rates[f"{COUNTS[0]} adapters"]
    rows: list[list[str | float | int]] = []
    for name, of_name in rates.items():
        spread = ratios(of_name, plain)
        rows.append([name, round(spread.median, 3), round(spread.q1, 3), round(spread.q3, 3)])
    columns = ["in the batch", "of the speed without", "first quartile", "third quartile"]
    return Table(title="What adapters leave of the speed", columns=columns, rows=rows)
