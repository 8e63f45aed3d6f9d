"""A memory of ten thousand, a hundred thousand and a million pieces: how long a search takes, how many of the
truly nearest it finds, and how much memory the process has.

The pieces are real and embedded; the many are neighbours of them. SQLite, on one machine; questions come one
after another, and their vectors are known beforehand: the encoder is not what is measured.
"""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from evidence.performance import model, targets
from evidence.performance.batch import OURS
from evidence.performance.figures import Sample, figure
from evidence.performance.learners import watched
from evidence.performance.memories.passages import Passages, more, prepared
from evidence.performance.result import Claim, Result, Table, claim
from evidence.performance.statistics import Spread, quantile
from evidence.performance.suite import Suite

TITLE = "A million memories"
SIZES = (10_000, 100_000, 1_000_000)
_FOLDER = model.FOLDER / "memories"
_MODULE = "evidence.performance.memories.process"
_NEAREST = 10


@dataclass(frozen=True, slots=True)
class Found:
    milliseconds: Mapping[str, Sequence[float]]
    recall: float
    filling: watched.Ran
    asking: watched.Ran

    def at(self, way: str, part: float) -> float:
        return quantile(sorted(self.milliseconds[way]), part)


def run(suite: Suite) -> Result:
    began = time.monotonic()
    passages = prepared(suite)
    found = {size: _found(suite, passages, size) for size in SIZES}
    engine = suite.engines()[OURS]
    figures = [
        figure(engine, "ms, 99 of 100 searches", [Sample(each.at("both", 0.99), each.asking.seconds)],
               name=f"{size:,} pieces")
        for size, each in found.items()
    ]  # fmt: skip
    what = f"{len(passages.questions)} questions of 12 words, one after another; 384 dimensions; SQLite"
    return suite.result(
        "memory_scale",
        TITLE,
        figures,
        _claims(found),
        rounds=1,
        began=began,
        what=what,
        tables=[_table(found)],
    )


def _found(suite: Suite, passages: Passages, size: int) -> Found:
    folder = _FOLDER / str(size)
    shutil.rmtree(folder, ignore_errors=True)
    suite.tell(f"  {size:,}: filling")
    filling = watched.run(_MODULE, ["fill", str(size), str(folder)])
    suite.tell(f"  {size:,}: asking, after {filling.seconds:.0f} s")
    asking = watched.run(_MODULE, ["ask", str(size), str(folder)])
    asked = json.loads((folder / "asked.json").read_text())
    shutil.rmtree(folder)
    return Found(asked["milliseconds"], _recall(asked["nearest"], _truly(passages, size)), filling, asking)


def _truly(passages: Passages, size: int) -> npt.NDArray[np.int64]:
    """[Q, 10]: the numbers of the nearest, by looking at all."""
    best = np.full((len(passages.asked), 0), 0, np.float32)
    numbers = np.full((len(passages.asked), 0), 0, np.int64)
    begin = 0
    for _, vectors in more(passages, size):
        likeness = passages.asked @ vectors.astype(np.float16).astype(np.float32).T
        best = np.concatenate([best, likeness], axis=1)
        numbers = np.concatenate(
            [numbers, np.broadcast_to(np.arange(begin, begin + len(vectors)), likeness.shape)], axis=1
        )
        order = np.argsort(-best, axis=1)[:, :_NEAREST]
        best, numbers = np.take_along_axis(best, order, 1), np.take_along_axis(numbers, order, 1)
        begin += len(vectors)
    return numbers


def _recall(found: Sequence[Sequence[int]], truly: npt.NDArray[np.int64]) -> float:
    pairs = zip(found, truly.tolist(), strict=True)
    return sum(len(set(some) & set(all_of)) for some, all_of in pairs) / truly.size


def _claims(found: Mapping[int, Found]) -> list[Claim]:
    def of(size: int, each: Found) -> list[Claim]:
        return [
            claim(f"of the ten nearest of {size:,}", "recall@10", "looking at all", Spread.of([each.recall]),
                  at_least=targets.MEMORY_RECALL),
            claim(f"a search among {size:,}, in ms", "99 of 100 searches", "",
                  Spread.of([each.at("both", 0.99)]), at_most=targets.MEMORY_SEARCH_MS),
        ]  # fmt: skip

    return list(chain.from_iterable(of(size, each) for size, each in found.items()))


def _table(found: Mapping[int, Found]) -> Table:
    ways = ("vectors", "words", "both")
    rows: list[list[str | float | int]] = [
        [
            f"{size:,}", round(each.recall, 4),
            *(f"{each.at(way, 0.5):.1f} / {each.at(way, 0.99):.1f}" for way in ways),
            round(each.asking.peak_bytes / 2**20), round(each.filling.peak_bytes / 2**20),
            round(each.filling.seconds),
        ]
        for size, each in found.items()
    ]  # fmt: skip
    return Table(
        title="By size",
        columns=["pieces", "recall@10", *(f"{way}, ms p50 / p99" for way in ways), "MiB asking",
                 "MiB filling", "seconds to fill"],
        rows=rows,
    )  # fmt: skip
