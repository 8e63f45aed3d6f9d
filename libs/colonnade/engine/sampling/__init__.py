"""Drawing one token from one row of logits.

The order is that of Hugging Face transformers and of vLLM where these two agree: logit bias; repetition,
frequency and presence penalties; the grammar's mask; then temperature, top-k, top-p and min-p, each on the
renormalised outcome of the one before (as in transformers; vLLM has min-p first). Ties are broken towards the
lower token id; every token that ties with the k-th best passes top-k. Log-probabilities are the model's own,
before all of this.

A draw is a pure function of (seed, tokens so far, tokens decided before it in the same step, position, draw,
logits): it cannot depend on what else is in the batch, and a position drawn again draws the same.
"""

from colonnade.engine.sampling.filters import candidates
from colonnade.engine.sampling.noise import uniform
from colonnade.engine.sampling.sampler import Constraint, TokenSampler
from colonnade.engine.sampling.settings import MAX_LOGPROBS, Sampling

__all__ = ["MAX_LOGPROBS", "Constraint", "Sampling", "TokenSampler", "candidates", "uniform"]
