"""A gigabyte of text becomes a token set: how fast, in how much memory, and nothing lost or doubled by kills.

Once straight, once killed at random moments and started again: the two must be the same bytes. What removing
near duplicates costs, and how many of those that were planted it finds, is told apart.
"""

import json
import random
import shutil
import time
from pathlib import Path
from typing import Any

from colonnade.learn.data.card import Card
from colonnade.learn.data.token_set import TokenSet
from evidence.performance import model, targets
from evidence.performance.engines.catalog import Engine
from evidence.performance.figures import Sample, figure
from evidence.performance.learners import gigabyte, watched
from evidence.performance.result import Claim, Figure, Result, Table, claim
from evidence.performance.statistics import Spread
from evidence.performance.suite import Suite

TITLE = "From text to tokens"
BYTES, APART_BYTES, KILLS = 1_000_000_000, 100_000_000, 10
_MODULE = "evidence.performance.learners.preparing"
_FOLDER = model.FOLDER / "gigabyte"


def run(suite: Suite) -> Result:
    began = time.monotonic()
    suite.tell(f"  writing {BYTES / 1e6:.0f} MB")
    shutil.rmtree(_FOLDER, ignore_errors=True)
    corpus = gigabyte.write(_FOLDER / "text", BYTES)
    settings = _settings(corpus, suite.threads, "near")
    straight, runs = _prepared(suite, "straight", settings, [])
    seconds = sum(each.seconds for each in runs)
    draws = random.Random(0)
    moments = [draws.uniform(0.02, 0.15) * seconds for _ in range(KILLS)]
    killed, pieces = _prepared(suite, "killed", settings, moments)
    figures = [
        _figure("straight", corpus.bytes / 1e6 / seconds, "MB/s", suite.threads),
        _figure("straight", max(each.peak_bytes for each in runs) / 2**20, "MiB at most", suite.threads),
        _figure(
            f"killed {sum(each.killed for each in pieces)} times",
            corpus.bytes / 1e6 / sum(each.seconds for each in pieces), "MB/s", suite.threads,
        ),
    ]  # fmt: skip
    apart, rows = _apart(suite)
    table = Table(
        title="Removing duplicates, apart", columns=["kind", "MB/s", "dropped", "planted"], rows=rows
    )
    what = f"{corpus.bytes / 1e6:.0f} MB, {corpus.documents} documents, {corpus.real_bytes / 1e6:.0f} MB real"
    return suite.result(
        "pipeline", TITLE, [*figures, *apart], _claims(corpus, straight, killed, runs),
        rounds=1, began=began, what=what, tables=[table],
    )  # fmt: skip


def _settings(corpus: gigabyte.Corpus, processes: int, duplicates: str) -> dict[str, Any]:
    return {
        "sources": [{"kind": "jsonl", "name": "text", "paths": list(corpus.files)}],
        "tokenizer": {"kind": "train", "vocabulary": 16_384},
        "quality": {"preset": "none"},
        "duplicates": {"kind": duplicates},
        "processes": processes,
    }


def _prepared(
    suite: Suite, name: str, settings: dict[str, Any], kills: list[float]
) -> tuple[Path, list[watched.Ran]]:
    """The token set, and the processes that it took."""
    out, said = _FOLDER / name, _FOLDER / f"{name}.json"
    said.write_text(json.dumps(settings))
    runs: list[watched.Ran] = []
    for moment in [*kills, None]:
        suite.tell(f"  {name}: {'to its end' if moment is None else f'killed after {moment:.0f} s'}")
        runs.append(watched.run(_MODULE, [str(said), str(out)], kill_after=moment))
        if not runs[-1].killed:
            break
    return out, runs


def _apart(suite: Suite) -> tuple[list[Figure], list[list[str | float | int]]]:
    """The same smaller corpus without removing duplicates, and with."""
    corpus = gigabyte.write(_FOLDER / "apart", APART_BYTES, seed=1)
    planted = {"none": 0, "exact": corpus.exact, "near": corpus.exact + corpus.near}
    figures, rows = list[Figure](), list[list[str | float | int]]()
    for kind, there in planted.items():
        out, runs = _prepared(suite, f"apart-{kind}", _settings(corpus, suite.threads, kind), [])
        rate = corpus.bytes / 1e6 / runs[-1].seconds
        figures.append(_figure(f"duplicates: {kind}", rate, "MB/s", suite.threads))
        dropped = TokenSet.open(out).card.dropped
        found = sum(count for reason, count in dropped.items() if "duplicate" in reason)
        rows.append([kind, round(rate, 2), found, there])
    return figures, rows


def _claims(corpus: gigabyte.Corpus, straight: Path, killed: Path, runs: list[watched.Ran]) -> list[Claim]:
    card, other = TokenSet.open(straight, verify=True).card, TokenSet.open(killed, verify=True).card
    lost = abs(corpus.documents - _documents(card))
    differ = float(card.digest != other.digest)
    peak = max(each.peak_bytes for each in runs) / 2**20
    return [
        _claim("every document is kept or named as dropped", "documents unaccounted for", float(lost), 0.0),
        _claim("killed or not, the same bytes", "token sets that differ", differ, 0.0),
        _claim("memory does not grow with the corpus", "MiB at most", peak, targets.PIPELINE_MIB),
    ]


def _documents(card: Card) -> int:
    kept = sum(each.documents for split in card.splits.values() for each in split.values())
    return kept + sum(card.dropped.values())


def _claim(says: str, name: str, value: float, at_most: float) -> Claim:
    return claim(says, name, "the corpus", Spread(value, value, value), at_most=at_most)


def _figure(name: str, value: float, unit: str, processes: int) -> Figure:
    engine = Engine(name, "Colonnade", f"{processes} processes", _MODULE)
    return figure(engine, unit, [Sample(value, 0.0)])
