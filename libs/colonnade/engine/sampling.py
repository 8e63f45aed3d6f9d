"""Drawing one token from one row of logits.

Filters run in the order of Hugging Face transformers: repetition penalty, temperature, top-k, top-p, min-p,
each on the renormalised outcome of the one before. Ties are broken towards the lower token id; every token
that ties with the k-th best passes top-k, as it does there.

Random numbers come from Philox, keyed by the request's seed and counted by (position, draw): no generator is
shared or advanced, so a result cannot depend on what else is in the batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from colonnade.errors import Internal, InvalidArgument
from colonnade.models.protocol import SampledToken

MAX_LOGPROBS = 20
MAX_TEMPERATURE = 100.0
MAX_REPETITION_PENALTY = 100.0


@dataclass(frozen=True, slots=True)
class Sampling:
    """A request's sampling settings. Temperature 0 takes the most likely token."""

    temperature: float = 0.0
    top_k: int = 0
    """0 is off."""
    top_p: float = 1.0
    """1 is off."""
    min_p: float = 0.0
    """0 is off."""
    repetition_penalty: float = 1.0
    """1 is off."""
    seed: int = 0
    logprobs: int | None = None
    """None: no logprobs; n: the drawn token's and its n most likely rivals'."""

    def __post_init__(self) -> None:
        _within("temperature", self.temperature, 0.0, MAX_TEMPERATURE)
        _within("top_k", self.top_k, 0, 2**31 - 1)
        _within("top_p", self.top_p, 0.0, 1.0)
        _within("min_p", self.min_p, 0.0, 1.0)
        _within("repetition_penalty", self.repetition_penalty, 0.01, MAX_REPETITION_PENALTY)
        _within("seed", self.seed, 0, 2**64 - 1)
        _within("logprobs", self.logprobs or 0, 0, MAX_LOGPROBS)
        if self.top_p == 0.0:
            raise InvalidArgument("top_p must be above 0; 1 turns it off", field="top_p", limit=1.0)


def _within(field: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # also refuses NaN
        raise InvalidArgument(
            f"{field} must be between {low} and {high}", field=field, limit=high, minimum=low
        )


def uniform(seed: int, position: int, draw: int) -> float:
    """The random number in [0, 1) that belongs to this seed, position and draw."""
    key = np.array([seed, 0], dtype=np.uint64)
    counter = np.array([position, draw, 0, 0], dtype=np.uint64)
    bits = int(np.random.Philox(key=key, counter=counter).random_raw())
    return (bits >> 11) * 2.0**-53


class TokenSampler:
    """A request's ``colonnade.models.protocol.Sampler``; ``history`` is its live list of tokens."""

    def __init__(self, sampling: Sampling, history: Sequence[int]) -> None:
        self._sampling, self._history = sampling, history
        self._counted = 0
        self._seen_V: Tensor | None = None

    def __call__(
        self, logits_V: Tensor, position: int, draw: int = 0, after: Sequence[int] = ()
    ) -> SampledToken:
        settings = self._sampling
        own_V = logits_V.float()
        scores_V = self._penalised(own_V) if settings.repetition_penalty != 1.0 else own_V
        best = scores_V.max()
        if not bool(torch.isfinite(best)):
            raise Internal("the model's output is not a number")
        if settings.temperature == 0.0:
            token = int((scores_V == best).nonzero()[0])
        else:
            ids, probabilities = distribution(scores_V, settings)
            edge = uniform(settings.seed, position, draw)
            place = torch.searchsorted(probabilities.cumsum(0), edge, right=True)
            token = int(ids[min(int(place), len(ids) - 1)])
        if settings.logprobs is None:
            return SampledToken(token)
        logprobs_V = own_V.log_softmax(0)
        rivals = best_ids(logprobs_V, settings.logprobs)[: settings.logprobs].tolist()
        top = [(rival, float(logprobs_V[rival])) for rival in rivals]
        return SampledToken(token, float(logprobs_V[token]), top)

    def _penalised(self, scores_V: Tensor) -> Tensor:
        """Divides positive and multiplies negative scores of tokens that occurred (arXiv 1909.05858)."""
        if self._seen_V is None:
            self._seen_V = torch.zeros(len(scores_V), dtype=torch.bool, device=scores_V.device)
        self._seen_V[torch.tensor(self._history[self._counted :], dtype=torch.long)] = True
        self._counted = len(self._history)
        penalty = self._sampling.repetition_penalty
        changed_V = torch.where(scores_V < 0, scores_V * penalty, scores_V / penalty)
        return torch.where(self._seen_V, changed_V, scores_V)


def distribution(scores_V: Tensor, settings: Sampling) -> tuple[Tensor, Tensor]:
    """The tokens that pass the filters and their probabilities in float64; temperature above 0.

    Sorted from the most likely down if any filter is on, else in the order of ids."""
    keep = min(settings.top_k or len(scores_V), len(scores_V))
    filtered = keep < len(scores_V) or settings.top_p < 1.0 or settings.min_p > 0.0
    ids = best_ids(scores_V, keep) if filtered else torch.arange(len(scores_V), device=scores_V.device)
    scaled = scores_V[ids].double()
    scaled = (scaled - scaled.max()) / settings.temperature  # the difference first: no overflow when cold
    probabilities = scaled.softmax(0)
    if settings.top_p < 1.0:
        before = probabilities.cumsum(0) - probabilities
        ids, probabilities = _only(before < settings.top_p, ids, probabilities)
    if settings.min_p > 0.0:
        ids, probabilities = _only(probabilities >= settings.min_p * probabilities[0], ids, probabilities)
    return ids, probabilities


def best_ids(scores_V: Tensor, count: int) -> Tensor:
    """The ``count`` best ids and all that tie with the last of them, best first, ties by id."""
    if count == 0:
        return torch.empty(0, dtype=torch.long, device=scores_V.device)
    count = min(count, len(scores_V))
    threshold = scores_V.topk(count).values[-1]
    ids = (scores_V >= threshold).nonzero()[:, 0]
    return ids[scores_V[ids].sort(descending=True, stable=True).indices]


def _only(kept: Tensor, ids: Tensor, probabilities: Tensor) -> tuple[Tensor, Tensor]:
    kept = kept.clone()
    kept[0] = True
    ids, probabilities = ids[kept], probabilities[kept]
    return ids, probabilities / probabilities.sum()
