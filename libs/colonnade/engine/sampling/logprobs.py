"""Log-probabilities of the model itself: temperature 1, before bias, penalties, grammar and filters."""

import numpy as np

from colonnade.engine.sampling.selection import Floats, best_ids
from colonnade.models.protocol import SampledToken


def with_logprobs(token: int, own_V: Floats, rivals: int) -> SampledToken:
    """The token with its logprob and its ``rivals`` most likely tokens, itself perhaps among them."""
    best = own_V.max()
    mass = np.log(np.exp(own_V - best).sum(dtype=np.float64)) + np.float64(best)
    top = [(int(rival), float(own_V[rival] - mass)) for rival in best_ids(own_V, rivals)[:rivals]]
    return SampledToken(token, float(own_V[token] - mass), top)
