"""The best few of many scores, without sorting the many.

V scores are folded into G groups (strided, so that one pass of vectorised maxima does it). Of G maxima the
k-th best bounds the k-th best of all scores from below, since k scores reach it; what reaches the bound is
little more than k, and only that is sorted. Ties are broken towards the lower id.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ids = NDArray[np.intp]

_GROUPS_EACH = 16
"""Groups for each score wanted: the more, the tighter the bound."""
_WORD = np.arange(8)
_MANY = 512
"""From here on ids and scores are sorted as one integer each: a stable sort of floats is slow."""


def best_ids(scores_V: Floats, count: int) -> Ids:
    """The ``count`` best ids and all that tie with the last of them, best first; none whose score is -inf."""
    if count <= 0:
        return np.empty(0, dtype=np.intp)
    ids = at_least(scores_V, _bound(scores_V, count))
    values = scores_V[ids]
    if len(ids) > count:
        last = len(ids) - count
        kept = values >= np.partition(values, last)[last]
        ids = ids[kept]
    return best_first(scores_V, ids)


def best_first(scores_V: Floats, ids: Ids) -> Ids:
    """Ascending ids in the order of their scores, the best first, ties by id."""
    values = scores_V[ids]
    if len(ids) < _MANY:
        return ids[np.argsort(-values, kind="stable")]
    bits = (values + np.float32(0)).view(np.int32)  # the sum makes -0 a 0
    rising = bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))  # in the order of the floats, as integers
    keys = np.sort((~rising).astype(np.int64) << 32 | ids)
    return (keys & 0xFFFFFFFF).astype(np.intp)


def at_least(scores_V: Floats, bound: np.float32 | float) -> Ids:
    """Ids of the scores from ``bound`` on, ascending; -inf stands for anything above -inf."""
    found_V = scores_V >= bound if bound > -np.inf else scores_V > -np.inf
    whole = len(found_V) & ~7
    # Eight flags are one word, and most words are zero.
    words = found_V[:whole].view(np.uint64).nonzero()[0]
    ids = (words[:, None] * 8 + _WORD).ravel()
    ids = ids[found_V[ids]]
    if whole < len(found_V):
        ids = np.concatenate((ids, found_V[whole:].nonzero()[0] + whole))
    return ids


def _bound(scores_V: Floats, count: int) -> np.float32 | float:
    """At most the ``count``-th best score."""
    size = len(scores_V)
    rows = size // (_GROUPS_EACH * count)
    if rows < 2:
        return np.partition(scores_V, size - count)[size - count] if count < size else -np.inf
    groups = size // rows
    best_G = scores_V[: rows * groups].reshape(rows, groups).max(axis=0)
    bound: np.float32 = np.partition(best_G, groups - count)[groups - count]
    return bound
