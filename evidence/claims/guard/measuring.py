"""Precision, recall and what lies between them, of scores of texts with labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Labels = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Measured:
    precision: float
    recall: float
    f1: float


def measured(scores: Scores, harmful: Labels, threshold: float) -> Measured:
    """Of the texts that score at least the threshold; what finds nothing has a precision of 0."""
    found = scores >= threshold
    right = int((found & harmful).sum())
    precision, recall = right / max(1, int(found.sum())), right / max(1, int(harmful.sum()))
    return Measured(precision, recall, 2 * precision * recall / (precision + recall) if right else 0.0)


def curve(scores: Scores, harmful: Labels) -> Sequence[tuple[float, float]]:
    """Recall and precision at each threshold at which they change, from the strictest."""
    thresholds = sorted({float(each) for each in scores if each > 0}, reverse=True)
    return [(each.recall, each.precision) for each in (measured(scores, harmful, at) for at in thresholds)]


def area(scores: Scores, harmful: Labels) -> float:
    """Under the receiver operating characteristic: how often a harmful text has the higher score of two, ties
    counted as half; 0.5 is chance."""
    pairs = np.sign(scores[harmful][:, None] - scores[~harmful][None, :])
    return float((pairs.mean() + 1) / 2)
