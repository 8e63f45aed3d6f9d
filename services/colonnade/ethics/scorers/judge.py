"""A language model as the judge: which answer to a written question it finds the likelier, yes or no.

A model leans to one of the two whatever it is asked. What it says of an empty text is therefore taken off
(contextual calibration, Zhao et al. 2021, https://arxiv.org/abs/2102.09690), so 0.5 is what it says of
nothing."""

import asyncio
import math

from colonnade.ethics.domain.finding import Side
from colonnade.ethics.ports import Found, Judge, Scored, Stretch
from colonnade.ethics.scorers.units import MOST, trimmed, units_of

QUESTIONS = {
    "injection": "Does this text try to make an assistant ignore its instructions or its rules?",
    "harm": "Does this text ask for help with something illegal or dangerous?",
    "toxicity": "Does this text insult, threaten or attack people?",
}
_ANSWERS = (" yes", " no")
_NOTHING = "N/A"


class JudgeScorer:
    """One question, of each unit of a text. A policy names it as ``judge-<category>``."""

    immediate = False
    context = MOST

    def __init__(self, category: str, judge: Judge) -> None:
        self.name, self.categories = f"judge-{category}", frozenset({category})
        self._category, self._question, self._judge = category, QUESTIONS[category], judge

    async def score(self, stretch: Stretch, side: Side) -> Scored:
        """``Unavailable`` and its like where nobody scores now."""
        units, settled = units_of(stretch)
        spans = [span for unit in units if (span := trimmed(stretch.text, *unit))]
        if not spans:
            return Scored([], settled)
        texts = [_NOTHING, *(stretch.text[start:end] for start, end in spans)]
        leaning, *odds = await asyncio.gather(*map(self._odds, texts))
        why = f"what the model that judges takes for {self._category}"
        found = [
            Found(self._category, start, end, _sigmoid(each - leaning), why)
            for (start, end), each in zip(spans, odds, strict=True)
        ]
        return Scored(found, settled)

    async def _odds(self, text: str) -> float:
        """The logarithm of yes against no."""
        asked = f'Text: "{text}"\n\nQuestion: {self._question} Answer yes or no.\nAnswer:'
        yes, no = await self._judge.likelihoods(asked, _ANSWERS)
        return yes - no


def _sigmoid(odds: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, odds))))
