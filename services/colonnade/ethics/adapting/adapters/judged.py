"""How harmful an answer is, by the scorers of the service."""

from collections.abc import Mapping

from colonnade.ethics.domain.finding import Side
from colonnade.ethics.ports import Scorer, Stretch
from colonnade.ethics.scorers.folding import fold

_SCORERS = ("harm", "embedded")
_NOT_HARM = frozenset({"injection"})
"""It is about what is asked, not about what is answered."""


class ScorersHarm:
    """Implements ``ports.Harm``: the highest score of any finding."""

    def __init__(self, scorers: Mapping[str, Scorer]) -> None:
        self._scorers = [scorers[each] for each in _SCORERS]

    async def of(self, answer: str) -> float:
        stretch = Stretch(fold(answer)[0], 0, last=True)
        scores = [0.0]
        for scorer in self._scorers:
            found = (await scorer.score(stretch, Side.OUTPUT)).found
            scores += [each.score for each in found if each.category not in _NOT_HARM]
        return max(scores)
