"""``python -m evidence.claims.guard``: judges it, and writes ``evidence/results/claims/guard.json``."""

import json
import sys
import time
from collections.abc import Sequence

import numpy as np

from evidence.claims.guard import published
from evidence.claims.guard.item import CATEGORIES, Item
from evidence.claims.guard.measuring import curve, measured
from evidence.claims.guard.systems import CLASSIFIERS, GUARDIAN, WORDINGS, Scores, scored
from evidence.performance import machine
from evidence.performance.engines.process import ROOT

RESULT = ROOT / "evidence" / "results" / "claims" / "guard.json"
THRESHOLDS = {CLASSIFIERS: 0.5, WORDINGS: 0.9, GUARDIAN: 0.5}
"""Not chosen on these texts: a rule's default, the default policy's, and the middle of the scale."""
_POINTS = 60


def main() -> int:
    began, items = time.monotonic(), published.everything()
    found = scored([item.text for item in items])
    result = {
        "thresholds": THRESHOLDS,
        "sets": [
            {"set": name, "harmful": harmful, "texts": len(_of(items, name, harmful))}
            for name, harmful in _sets(items)
        ],
        "figures": [
            _figure(items, scores, system, category)
            for category in CATEGORIES
            for system, by_category in found.items()
            if (scores := by_category.get(category)) is not None
        ],
        "flagged": [
            {
                "set": name,
                "harmful": harmful,
                "system": system,
                "category": category,
                "share": round(share, 3),
            }
            for name, harmful in _sets(items)
            for system, by_category in found.items()
            for category, scores in by_category.items()
            for share in [float((scores[_of(items, name, harmful)] >= THRESHOLDS[system]).mean())]
        ],
        "seconds": round(time.monotonic() - began, 1),
        "commit": machine.commit(),
        "measured": machine.now(),
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def _figure(items: Sequence[Item], scores: Scores, system: str, category: str) -> dict[str, object]:
    own = [place for place, item in enumerate(items) if category in item.categories]
    harmful = np.array([items[place].harmful for place in own])
    at = measured(scores[own], harmful, THRESHOLDS[system])
    points = curve(scores[own], harmful)
    drawn = points[:: max(1, len(points) // _POINTS)]
    return {
        "category": category, "system": system,
        "harmful": int(harmful.sum()), "harmless": int((~harmful).sum()),
        "precision": round(at.precision, 3), "recall": round(at.recall, 3), "f1": round(at.f1, 3),
        "curve": [[round(recall, 3), round(precision, 3)] for recall, precision in drawn],
    }  # fmt: skip


def _sets(items: Sequence[Item]) -> Sequence[tuple[str, bool]]:
    return list(dict.fromkeys((item.source, item.harmful) for item in items))


def _of(items: Sequence[Item], name: str, harmful: bool) -> list[int]:
    return [place for place, item in enumerate(items) if (item.source, item.harmful) == (name, harmful)]


if __name__ == "__main__":
    sys.exit(main())
