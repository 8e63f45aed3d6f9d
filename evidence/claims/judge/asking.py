"""The scorers, asking a model that a platform serves."""

import asyncio
from collections.abc import Sequence

import numpy as np

from colonnade.client import Colonnade
from colonnade.ethics.domain.finding import Side
from colonnade.ethics.ports import Scorer, Stretch
from colonnade.ethics.scorers.folding import fold
from evidence.claims.guard.measuring import Scores


class AskedModel:
    """Implements ``ethics.ports.Judge``, one question after the other. An answer is remembered: the scorer
    asks about nothing again with every text."""

    def __init__(self, client: Colonnade, model: str) -> None:
        self._client, self._model = client, model
        self._known: dict[str, Sequence[float]] = {}

    async def likelihoods(self, question: str, answers: Sequence[str]) -> Sequence[float]:
        if question not in self._known:
            found = self._client.score(list(answers), context=question, model=self._model)
            self._known[question] = [each.total_logprob for each in found.data]
        return self._known[question]


def worst(scorer: Scorer, category: str, texts: Sequence[str]) -> Scores:
    """Of each text, the greatest score of a unit."""
    return np.array([asyncio.run(_worst(scorer, category, text)) for text in texts])


async def _worst(scorer: Scorer, category: str, text: str) -> float:
    scored = await scorer.score(Stretch(fold(text)[0], 0, last=True), Side.INPUT)
    return max((found.score for found in scored.found if found.category == category), default=0.0)
