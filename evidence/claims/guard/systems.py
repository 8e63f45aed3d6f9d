"""Who is judged: the classifiers, the wordings that the default policy refuses, and a published guard."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from colonnade.ethics.classifiers import read
from colonnade.ethics.domain.finding import Side
from colonnade.ethics.ports import Scorer, Stretch
from colonnade.ethics.scorers import fast_scorers
from colonnade.ethics.scorers.embedded import EmbeddedScorer
from colonnade.ethics.scorers.folding import fold
from evidence.claims.guard.encoder import Encoder
from evidence.claims.guard.item import CATEGORIES, HARM, INJECTION
from evidence.claims.guard.packages import fetched
from evidence.performance.engines.process import ROOT

CLASSIFIERS, WORDINGS, GUARDIAN = "classifiers", "wordings", "SecureVector Guardian 1.4.0"
Scores = NDArray[np.float64]


def scored(texts: Sequence[str]) -> dict[str, Mapping[str, Scores]]:
    """Of each system and category, the worst score of each text. Guardian has one score for all threats."""
    encoder = Encoder()
    ours = EmbeddedScorer(read(), encoder)
    guardian = _Guardian()
    found = {
        CLASSIFIERS: asyncio.run(_of_scorer(ours, texts)),
        WORDINGS: {name: asyncio.run(_wordings(name, texts)) for name in (INJECTION, HARM)},
        GUARDIAN: dict.fromkeys(CATEGORIES, np.array([guardian(text) for text in texts])),
    }
    encoder.keep()
    return found


async def _of_scorer(scorer: Scorer, texts: Sequence[str]) -> Mapping[str, Scores]:
    best = {category: np.zeros(len(texts)) for category in scorer.categories}
    for place, text in enumerate(texts):
        scored = await scorer.score(Stretch(fold(text)[0], 0, last=True), Side.INPUT)
        for found in scored.found:
            best[found.category][place] = max(best[found.category][place], found.score)
    return best


async def _wordings(name: str, texts: Sequence[str]) -> Scores:
    by_category = await _of_scorer(fast_scorers()[name], texts)
    return np.asarray(np.max(list(by_category.values()), axis=0), np.float64)


class _Guardian:
    """As its makers' server runs it: long texts in windows."""

    def __init__(self) -> None:
        folder = ROOT / ".cache" / "evidence" / "guardian"
        wheel = next(Path(fetched()).glob("securevector_guardian_model-*.whl"))
        with ZipFile(wheel) as opened:
            opened.extractall(folder)
        sys.path.insert(0, str(folder))
        bundle, model, serve = (
            import_module(f"svguardian.{each}") for each in ("_bundle", "model.pure_infer", "serve")
        )
        self._loaded = model.PureGuardian.load(bundle.resolve_runtime(download=False))
        self._analyze = serve.analyze

    def __call__(self, text: str) -> float:
        return float(self._analyze(text, self._loaded)["risk_score"]) / 100
