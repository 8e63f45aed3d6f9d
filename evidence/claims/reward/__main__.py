"""``python -m evidence.claims.reward``: gives pairs as feedback, has reward models made of them, and asks
these about other pairs; writes ``evidence/results/claims/reward.json``."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from colonnade.client import Colonnade
from colonnade.ethics.feedback.reward.learning import Share
from evidence.claims.reward.pairs import Preference, Published, everything
from evidence.claims.serving import serving, tell
from evidence.performance import machine
from evidence.performance.engines.process import ROOT

RESULT = ROOT / "evidence" / "results" / "claims" / "reward.json"
BUILT_IN, PUBLISHED = "the 60 pairs that come with the platform", "published pairs"


def main() -> int:
    began, sets = time.monotonic(), everything()
    with serving(encoder=True) as client:
        models = {BUILT_IN: client.feedback.train()}
        for name, pairs in sets.items():
            _give(client, pairs.learnt)
            tell(f"{name}: {len(pairs.learnt)} given")
        models[PUBLISHED] = client.feedback.train(built_in=False)
        figures = [
            {"learnt": learnt, "set": name, **_told(_judged(client, model.id, pairs.judged))}
            for learnt, model in models.items()
            for name, pairs in sets.items()
        ]
    result: dict[str, Any] = {
        "sets": [_set(name, pairs) for name, pairs in sets.items()],
        "models": {learnt: dict(model.card) for learnt, model in models.items()},
        "figures": figures,
        "seconds": round(time.monotonic() - began, 1),
        "commit": machine.commit(),
        "measured": machine.now(),
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def _give(client: Colonnade, pairs: Sequence[Preference]) -> None:
    for each in pairs:
        given = client.feedback.give(
            "preference", prompt=each.prompt, chosen=each.chosen, rejected=each.rejected
        )
        client.feedback.accept(given.id)


def _judged(client: Colonnade, model: str, pairs: Sequence[Preference]) -> Share:
    right = 0
    for each in pairs:
        better, worse = client.feedback.score(each.prompt, [each.chosen, each.rejected], model=model).scores
        right += better > worse
    return Share(right, len(pairs))


def _set(name: str, pairs: Published) -> Mapping[str, Any]:
    longer = Share(sum(len(each.chosen) > len(each.rejected) for each in pairs.judged), len(pairs.judged))
    return {"set": name, "learnt": len(pairs.learnt), "always_the_longer": _told(longer)}


def _told(share: Share) -> dict[str, Any]:
    low, high = share.interval
    return {"value": round(share.value, 4), "low": round(low, 4), "high": round(high, 4), "pairs": share.of}


if __name__ == "__main__":
    sys.exit(main())
