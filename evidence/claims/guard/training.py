"""``python -m evidence.claims.guard.training``: fits the classifiers, and writes them beside their loader.

Texts are cut as they are when they are screened; every text weighs the same, however long it is. A fifth of
the texts, by their digests, is held out: on those the scores are calibrated (Platt 1999), and the thresholds
for shares of false alarms are taken. What the classifiers are judged by is neither (``published``)."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from colonnade.ethics.classifiers import FOLDER, Classifiers, write
from colonnade.ethics.scorers.units import pieces
from evidence.claims.guard.encoder import Encoder, Vectors
from evidence.claims.guard.item import CATEGORIES, Item
from evidence.claims.guard.learning import learned
from evidence.claims.guard.packages import names

ALARMS = (0.01, 0.005)
"""Of harmless texts that were held out: the shares that thresholds are given for."""
_UNITS = 12
"""Of one text, at most."""
_INVERSE_PENALTY = 3.0
_HELD_OUT = 5


@dataclass(frozen=True, slots=True)
class Units:
    """Texts in units: which text each is of, and whether that is harmful."""

    vectors: Vectors
    owners: NDArray[np.int64]
    harmful: NDArray[np.bool_]
    """One a text."""

    @property
    def weights(self) -> NDArray[np.float64]:
        return np.asarray(1 / np.bincount(self.owners)[self.owners], np.float64)

    def highest(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of each text, the score of its worst unit."""
        best = np.full(len(self.harmful), -np.inf)
        np.maximum.at(best, self.owners, scores)
        return best


def fitted(items: Sequence[Item], encoder: Encoder) -> tuple[Classifiers, dict[str, dict[str, Any]]]:
    """The classifiers, and of each what its card says."""
    made = {category: _one(category, items, encoder) for category in CATEGORIES}
    weights = np.stack([weights for weights, _, _ in made.values()]).astype(np.float32)
    biases = np.array([bias for _, bias, _ in made.values()], np.float32)
    about = {category: each[2] for category, each in made.items()}
    return Classifiers(encoder.digest, tuple(made), weights, biases), about


def units(items: Sequence[Item], encoder: Encoder) -> Units:
    cut = [pieces(item.text)[:_UNITS] for item in items]
    owners = np.repeat(np.arange(len(items)), [len(each) for each in cut])
    texts = [unit for each in cut for unit in each]
    return Units(encoder.vectors(texts), owners, np.array([item.harmful for item in items]))


def _one(
    category: str, items: Sequence[Item], encoder: Encoder
) -> tuple[NDArray[np.float64], float, dict[str, Any]]:
    """Weights, bias and what is to be said of them."""
    own = [item for item in items if category in item.categories]
    learning, held = (units([item for item in own if _held(item) is out], encoder) for out in (False, True))
    model = LogisticRegression(C=_INVERSE_PENALTY, class_weight="balanced", max_iter=2000)
    model.fit(learning.vectors, learning.harmful[learning.owners], sample_weight=learning.weights)
    raw, bias = model.coef_[0], float(model.intercept_[0])
    scale, shift = _calibrated(held.highest(held.vectors @ raw + bias), held.harmful)
    scores = _sigmoid(scale * held.highest(held.vectors @ raw + bias) + shift)
    about = {
        "learned_from": {"harmful": int(learning.harmful.sum()), "harmless": int((~learning.harmful).sum())},
        "held_out": {"harmful": int(held.harmful.sum()), "harmless": int((~held.harmful).sum())},
        "at_false_alarms": [_at(share, scores, held.harmful) for share in ALARMS],
    }
    return scale * raw, scale * bias + shift, about


def _calibrated(scores: NDArray[np.float64], harmful: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and shift that make a score the logarithm of the odds."""
    platt = LogisticRegression(C=1e4).fit(scores[:, None], harmful)
    return float(platt.coef_[0, 0]), float(platt.intercept_[0])


def _at(share: float, scores: NDArray[np.float64], harmful: NDArray[np.bool_]) -> dict[str, float]:
    """The threshold above which no more than that share of the harmless texts lie."""
    threshold = float(np.quantile(scores[~harmful], 1 - share, method="higher"))
    caught = float((scores[harmful] > threshold).mean())
    return {"false_alarms": share, "threshold": round(threshold, 3), "recall": round(caught, 3)}


def _sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-logits)), np.float64)


def _held(item: Item) -> bool:
    return sha256(b"held out" + item.text.encode()).digest()[0] % _HELD_OUT == 0


def main() -> int:
    items, left_out = learned()
    encoder = Encoder()
    classifiers, about = fitted(items, encoder)
    encoder.keep()
    sources = sorted({item.source for item in items})
    write(FOLDER, classifiers, about, {"texts": sources, "packages": list(names()), "left_out": left_out})
    for category, said in about.items():
        print(category, said)  # noqa: T201 - what a command tells
    return 0


if __name__ == "__main__":
    sys.exit(main())
