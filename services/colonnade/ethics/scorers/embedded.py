"""Judges what a text means: classifiers over the vectors of its units. The engine embeds; here are a few
thousand multiplications."""

import secrets
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b

from colonnade.errors import Unavailable
from colonnade.ethics.classifiers import Classifiers
from colonnade.ethics.domain.finding import Side
from colonnade.ethics.ports import Embedder, Found, Scored, Stretch
from colonnade.ethics.scorers.units import MOST, trimmed, units_of

_WHY = {
    "injection": "what reads like an attempt to turn the model against its instructions",
    "harm": "what reads like a request for help with harm",
    "toxicity": "what reads like an insult or an attack on people",
}
_KEPT = 2048


class EmbeddedScorer:
    """Scores every category of every unit; those of a verdict are embedded in one call.

    Of a unit it remembers its scores, under a digest with a key of this process: no text, no vector."""

    name = "embedded"
    immediate = False
    context = MOST

    def __init__(self, classifiers: Classifiers, embedder: Embedder, kept: int = _KEPT) -> None:
        self.categories = frozenset(classifiers.categories)
        self._classifiers, self._embedder = classifiers, embedder
        self._key, self._kept = secrets.token_bytes(32), kept
        self._known: OrderedDict[bytes, Sequence[float]] = OrderedDict()

    async def score(self, stretch: Stretch, side: Side) -> Scored:
        """``Unavailable`` where nobody embeds, or another model than the one that was learned with."""
        units, settled = units_of(stretch)
        spans = [span for unit in units if (span := trimmed(stretch.text, *unit))]
        scored = await self._scores([stretch.text[start:end] for start, end in spans])
        found = [
            Found(category, start, end, score, _WHY[category])
            for (start, end), scores in zip(spans, scored, strict=True)
            for category, score in zip(self._classifiers.categories, scores, strict=True)
        ]
        return Scored(found, settled)

    async def _scores(self, texts: Sequence[str]) -> list[Sequence[float]]:
        names = [blake2b(text.encode(), key=self._key, digest_size=16).digest() for text in texts]
        known = {name: self._known[name] for name in names if name in self._known}
        missing = {name: text for name, text in zip(names, texts, strict=True) if name not in known}
        if missing:
            known |= zip(missing, await self._embedded(list(missing.values())), strict=True)
        for name in names:
            self._known[name] = known[name]
            self._known.move_to_end(name)
        while len(self._known) > self._kept:
            self._known.popitem(last=False)
        return [known[name] for name in names]

    async def _embedded(self, texts: Sequence[str]) -> list[Sequence[float]]:
        made = await self._embedder.embed(texts)
        if made.model != self._classifiers.model:
            raise Unavailable("texts were embedded with another model than the classifiers learned with")
        return [[float(each) for each in row] for row in self._classifiers.scores(made.vectors)]
