"""``python -m evidence.claims.judge``: judges it; writes ``evidence/results/claims/judge.json``."""

import json
import sys
import time
from typing import Any

import numpy as np

from colonnade.ethics.classifiers import read
from colonnade.ethics.scorers.embedded import EmbeddedScorer
from colonnade.ethics.scorers.judge import JudgeScorer
from evidence.claims.guard import published
from evidence.claims.guard.encoder import Encoder
from evidence.claims.guard.item import CATEGORIES, Item, drawn
from evidence.claims.guard.measuring import Labels, Scores, area, measured
from evidence.claims.guard.systems import CLASSIFIERS
from evidence.claims.judge.asking import AskedModel, worst
from evidence.claims.serving import SMOLLM2, serving, tell
from evidence.performance import machine
from evidence.performance.engines.process import ROOT

RESULT = ROOT / "evidence" / "results" / "claims" / "judge.json"
JUDGE = "SmolLM2-135M-Instruct"
THRESHOLD = 0.5
"""A rule's default; for the judge, what it says of nothing."""
EACH = 15
"""Texts of a set, at most."""


def main() -> int:
    began = time.monotonic()
    with serving() as client:
        model = AskedModel(client, SMOLLM2)
        figures = [
            figure for category in CATEGORIES for figure in _figures(category, JudgeScorer(category, model))
        ]
    result: dict[str, Any] = {
        "threshold": THRESHOLD,
        "figures": figures,
        "seconds": round(time.monotonic() - began, 1),
        "commit": machine.commit(),
        "measured": machine.now(),
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def _figures(category: str, judge: JudgeScorer) -> list[dict[str, Any]]:
    """The judge's and the classifiers', on the same texts."""
    items = judged(category)
    texts, harmful = [each.text for each in items], np.array([each.harmful for each in items])
    classifiers = EmbeddedScorer(read(), Encoder())
    found = {JUDGE: worst(judge, category, texts), CLASSIFIERS: worst(classifiers, category, texts)}
    tell(f"{category}: {len(texts)} judged")
    lengths = np.array([float(len(each)) for each in texts])
    return [
        {**_figure(category, system, scores, harmful), "area_of_length": round(area(lengths, harmful), 3)}
        for system, scores in found.items()
    ]


def judged(category: str) -> list[Item]:
    """Some of what judges the classifiers, the same ones every time."""
    items = [each for each in published.everything() if category in each.categories]
    sets = dict.fromkeys((each.source, each.harmful) for each in items)
    return [
        item
        for source, harmful in sets
        for item in drawn([each for each in items if (each.source, each.harmful) == (source, harmful)], EACH)
    ]


def _figure(category: str, system: str, scores: Scores, harmful: Labels) -> dict[str, Any]:
    at = measured(scores, harmful, THRESHOLD)
    return {
        "category": category, "system": system,
        "harmful": int(harmful.sum()), "harmless": int((~harmful).sum()),
        "precision": round(at.precision, 3), "recall": round(at.recall, 3), "f1": round(at.f1, 3),
        "flagged": round(float((scores >= THRESHOLD)[~harmful].mean()), 3),
        "area": round(area(scores, harmful), 3),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
