"""Bradley and Terry's model of paired comparisons (1952): P(a before b) = sigmoid(w . (f(a) - f(b))), where f
are features.

Fitted by Newton's method on the penalised likelihood, which has one optimum. Pure numpy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
PENALTIES = (300.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1)
"""Strongest first: each fit begins where the one before ended."""
_MOST_STEPS = 50
_CLOSE = 1e-6
"""Of the step, to the length of the weights."""
_LEAST_STEP = 1e-4


@dataclass(frozen=True, slots=True)
class Fit:
    weights_F: Array
    penalty: float


def log_loss(weights_F: Array, differences_NF: Array) -> float:
    """Mean, in nats a pair; log 2 is what chance has."""
    return float(np.logaddexp(0.0, -(differences_NF @ weights_F)).mean())


def fitted(differences_NF: Array, penalty: float, start_F: Array | None = None) -> Array:
    """Weights of least sum of losses + penalty / 2 |w|^2."""
    features = differences_NF.shape[1]
    weights = np.zeros(features) if start_F is None else start_F
    ridge = penalty * np.eye(features)
    value = _value(weights, differences_NF, penalty)
    for _ in range(_MOST_STEPS):
        chances = _sigmoid(-(differences_NF @ weights))
        slope = penalty * weights - differences_NF.T @ chances
        weighted = differences_NF * (chances * (1 - chances))[:, None]
        step = np.linalg.solve(differences_NF.T @ weighted + ridge, slope)
        length = 1.0
        while (after := _value(weights - length * step, differences_NF, penalty)) > value:
            length /= 2
            if length < _LEAST_STEP:  # rounding is all that is left
                return weights
        weights, value = weights - length * step, after
        if np.linalg.norm(length * step) <= _CLOSE * (1.0 + np.linalg.norm(weights)):
            break
    return weights


def chosen(learnt_NF: Array, judged_MF: Array, penalties: Sequence[float] = PENALTIES) -> Fit:
    """The penalty that does best on pairs that were not learnt, and its weights."""
    best, least, weights = Fit(np.zeros(learnt_NF.shape[1]), penalties[0]), np.inf, None
    for penalty in penalties:
        weights = fitted(learnt_NF, penalty, weights)
        loss = log_loss(weights, judged_MF)
        if loss < least:
            best, least = Fit(weights, penalty), loss
    return best


def _value(weights: Array, differences: Array, penalty: float) -> float:
    losses = np.logaddexp(0.0, -(differences @ weights)).sum()
    return float(losses + penalty / 2 * weights @ weights)


def _sigmoid(x: Array) -> Array:
    return 0.5 * (1.0 + np.tanh(0.5 * x))
