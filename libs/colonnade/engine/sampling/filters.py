"""Temperature, top-k, top-p and min-p: which tokens may be drawn, and how likely each is.

What counts is the plain definition in float64: weights exp((score - best) / temperature); top-k by score;
top-p on what is left, renormalised; min-p relative to the best. The mass of a whole vocabulary is first
summed in float32, whose error is known; only where that leaves a decision open is it summed again exactly.
"""

import numpy as np
from numpy.typing import NDArray

from colonnade.engine.sampling.selection import Floats, Ids, at_least, best_first, best_ids
from colonnade.engine.sampling.settings import Sampling

Weights = NDArray[np.float64]

_FLOAT32_ERROR = 1e-5
"""Relative, of a mass in float32: 2^-22 for each unit of the mean exponent (at most ln V), and exp's own."""
_COLD = 1e-3
"""Below this temperature float32 cannot hold the exponents."""
_UNDERFLOW = 746.0
"""exp(-746) is 0 in float64."""
_FIRST, _GROWTH = 64, 16
"""How many of the best tokens top-p looks at, and how many times more whenever their mass is too small."""


def candidates(scores_V: Floats, settings: Sampling) -> tuple[Ids, Weights]:
    """The tokens that pass the filters and their weights, not normalised; temperature above 0.

    Best first if any filter is on, else in the order of ids. The best score is finite."""
    best, temperature = np.float64(scores_V.max()), settings.temperature
    if 0 < settings.top_k < len(scores_V):
        ids = best_ids(scores_V, settings.top_k)
        weights = _weights(scores_V[ids], best, temperature)
        if settings.top_p < 1.0:
            kept = _before(weights) < settings.top_p * weights.sum()
            ids, weights = ids[kept], weights[kept]
    elif settings.top_p < 1.0:
        ids, weights = _nucleus(scores_V, best, settings)
    elif settings.min_p > 0.0:
        low = float(best) + temperature * np.log(settings.min_p)
        ids = best_first(scores_V, at_least(scores_V, _below(low)))
        weights = _weights(scores_V[ids], best, temperature)
    else:
        ids = at_least(scores_V, _below(float(best) - _UNDERFLOW * temperature))
        return ids, _weights(scores_V[ids], best, temperature)
    if settings.min_p > 0.0:
        kept = weights >= settings.min_p * weights[0]
        ids, weights = ids[kept], weights[kept]
    return ids, weights


def drawn(ids: Ids, weights: Weights, edge: float) -> int:
    """The token that ``edge`` in [0, 1) of the whole weight falls on."""
    sums = weights.cumsum()
    last = int(sums.searchsorted(sums[-1]))  # what follows it has no weight
    return int(ids[min(int(sums.searchsorted(edge * sums[-1], side="right")), last)])


def drawn_of_all(scores_V: Floats, temperature: float, edge: float) -> int:
    """``drawn`` of a vocabulary that no filter cuts, without its float64 weights unless they are needed."""
    if temperature >= _COLD:
        block = 64
        sums_V = np.exp((scores_V - scores_V.max()) * np.float32(1 / temperature))
        whole = len(sums_V) // block * block
        blocks = sums_V[:whole].reshape(-1, block).sum(axis=1, dtype=np.float64)
        blocks = np.append(blocks, sums_V[whole:].sum(dtype=np.float64)).cumsum()
        aim = edge * blocks[-1]
        place = min(int(blocks.searchsorted(aim, side="right")), len(blocks) - 1)
        before = blocks[place - 1] if place else 0.0
        inside = before + sums_V[place * block : (place + 1) * block].cumsum(dtype=np.float64)
        offset = min(int(inside.searchsorted(aim, side="right")), len(inside) - 1)
        low = inside[offset - 1] if offset else before
        slack = 4 * _FLOAT32_ERROR * blocks[-1]
        if low + slack < aim < inside[offset] - slack:
            return place * block + offset
    return drawn(*candidates(scores_V, Sampling(temperature)), edge)


def _nucleus(scores_V: Floats, best: np.float64, settings: Sampling) -> tuple[Ids, Weights]:
    """The likeliest tokens that together have the mass ``top_p``."""
    temperature, share = settings.temperature, settings.top_p
    if temperature < _COLD:
        ids = best_first(scores_V, at_least(scores_V, _below(float(best) - _UNDERFLOW * temperature)))
        weights = _weights(scores_V[ids], best, temperature)
        return _until(ids, weights, share * weights.sum())
    mass = share * np.exp((scores_V - np.float32(best)) * np.float32(1 / temperature)).sum(dtype=np.float64)
    low, high, count = mass * (1 - _FLOAT32_ERROR), mass * (1 + _FLOAT32_ERROR), _FIRST
    while True:
        ids = best_ids(scores_V, count)
        weights = _weights(scores_V[ids], best, temperature)
        if len(ids) < count or count == len(scores_V):  # all there are
            return _until(ids, weights, share * weights.sum())
        before = _before(weights)
        if before[-1] >= high:
            break
        count = min(count * _GROWTH, len(scores_V))
    if before.searchsorted(low) < before.searchsorted(high):
        high = share * _weights(scores_V, best, temperature).sum()
    return _until(ids, weights, high)


def _until(ids: Ids, weights: Weights, mass: float) -> tuple[Ids, Weights]:
    count = int(_before(weights).searchsorted(mass))
    return ids[:count], weights[:count]


def _before(weights: Weights) -> Weights:
    """Of each, the weight of those before it."""
    before: Weights = np.empty_like(weights)
    before[0] = 0.0
    weights[:-1].cumsum(out=before[1:])
    return before


def _weights(scores: Floats, best: np.float64, temperature: float) -> Weights:
    """The difference first: no overflow when cold."""
    weights: Weights = np.exp((scores - best) / temperature)
    return weights


def _below(bound: float) -> np.float32:
    """A float32 that is surely not above."""
    return np.float32(np.nextafter(np.float32(bound), np.float32(-np.inf)))
