"""``python -m evidence.claims.pii [SEED]``: looks, and writes ``evidence/results/claims/pii.json``."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from colonnade.ethics.domain.rates import wilson
from evidence.claims.pii import harmless
from evidence.claims.pii.filling import filled
from evidence.claims.pii.kinds import CLAIMED, NAMED
from evidence.claims.pii.matching import Counts, counted
from evidence.claims.pii.systems import PYTHON, THRESHOLD, by_patterns, presidio
from evidence.claims.pii.text import Place, Text
from evidence.claims.serving import tell
from evidence.performance import machine
from evidence.performance.engines.process import ROOT

RESULT = ROOT / "evidence" / "results" / "claims" / "pii.json"
PATTERNS, PRESIDIO, PRESIDIO_ALL, SCORER = (
    "patterns", f"Presidio, from {THRESHOLD} on", "Presidio, all it finds", "scorer presidio",
)  # fmt: skip
SEED = 2
"""The texts of seed 1 were looked at, and patterns mended by them; those of this one were not."""
_EXAMPLES = 8
Found = Mapping[str, list[list[Place]]]


def main(seed: int = SEED) -> int:
    began = time.monotonic()
    texts, sets = filled(seed), harmless.every(seed)
    every = [*texts, *(text for _, some in sets for text in some)]
    found = _found([each.text for each in every])
    result = {
        "seed": seed,
        "texts": len(texts),
        "figures": [figure for system, places in found.items() for figure in _figures(system, texts, places)],
        "harmless": list(_alarms(sets, {name: places[len(texts) :] for name, places in found.items()})),
        "seconds": round(time.monotonic() - began, 1),
        "commit": machine.commit(),
        "measured": machine.now(),
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    return 0


def _found(texts: Sequence[str]) -> dict[str, list[list[Place]]]:
    tell(f"patterns: {len(texts)} texts")
    found = {PATTERNS: by_patterns(texts)}
    if not PYTHON.exists():
        tell("Presidio's environment is not there; run: make evidence-pii")
        return found
    with presidio() as peer:
        tell("Presidio")
        found[PRESIDIO] = peer.by_itself(texts, THRESHOLD)
        found[PRESIDIO_ALL] = peer.by_itself(texts, 0)
        found[SCORER] = peer.in_its_scorer(texts)
    return found


def _figures(system: str, texts: Sequence[Text], found: Sequence[list[Place]]) -> list[dict[str, Any]]:
    kinds = NAMED if system == SCORER else CLAIMED
    return [_figure(system, kind, counted(kind, zip(texts, found, strict=False))) for kind in kinds]


def _figure(system: str, kind: str, counts: Counts) -> dict[str, Any]:
    return {
        "system": system, "kind": kind,
        "places": counts.places, "found": counts.found, "right": counts.right, "exact": counts.exact,
        "precision": round(counts.precision, 3), "recall": round(counts.recall, 3),
        "recall_interval": [round(each, 3) for each in wilson(counts.right, counts.places)],
        "covered": round(counts.covered / max(1, counts.places), 3),
        "possible": counts.possible, "possible_right": counts.possible_right,
        "wrong": counts.wrong[:_EXAMPLES], "missed": counts.missed[:_EXAMPLES],
    }  # fmt: skip


def _alarms(sets: Sequence[tuple[str, list[Text]]], found: Found) -> list[dict[str, Any]]:
    """Of each harmless set, what each system finds of the claimed kinds."""
    told, at = [], 0
    for name, texts in sets:
        for system in (each for each in found if each != SCORER):
            places = [(text, found[system][at + place]) for place, text in enumerate(texts)]
            kinds = {kind: counted(kind, places) for kind in CLAIMED}
            told.append(
                {
                    "set": name, "texts": len(texts), "system": system,
                    "flagged": sum(bool(some) for _, some in places),
                    "kinds": {kind: each.found for kind, each in kinds.items() if each.found},
                    "examples": [text for each in kinds.values() for text in each.wrong][:_EXAMPLES],
                }
            )  # fmt: skip
        at += len(texts)
    return told


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
