"""One request's sampler: a row of logits in, one token out."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from colonnade.engine.sampling.adjustments import Adjustments
from colonnade.engine.sampling.filters import candidates, drawn, drawn_of_all
from colonnade.engine.sampling.logprobs import with_logprobs
from colonnade.engine.sampling.noise import Noise
from colonnade.engine.sampling.selection import Floats, Ids
from colonnade.engine.sampling.settings import Sampling
from colonnade.errors import Internal
from colonnade.models.protocol import SampledToken

_FEW = 8
"""Where a grammar allows less than one in so many tokens, only those are looked at."""
_MINUS_INFINITY = np.uint32(0xFF800000)
"""As the bits of a float32."""


class Constraint(Protocol):
    """Which tokens may come next: a grammar's state, as a function of the answer so far."""

    def follow(self, tokens: Sequence[int]) -> None:
        """The answer has grown by these."""
        ...

    def allowed(self, after: Sequence[int]) -> NDArray[np.bool_]:
        """Of each token, whether it may come after the answer and ``after``; at least one may.

        The answer itself does not grow by this."""
        ...


class TokenSampler:
    """A request's ``colonnade.models.protocol.Sampler``; ``history`` is its live list of tokens, which holds
    the prompt now."""

    def __init__(
        self, sampling: Sampling, history: Sequence[int], constraint: Constraint | None = None
    ) -> None:
        self._sampling, self._history, self._constraint = sampling, history, constraint
        self._followed = len(history)
        self._noise = Noise(sampling.seed)
        self._adjustments = Adjustments(sampling, history) if sampling.adjusts else None

    def __call__(
        self, logits_V: Tensor, position: int, draw: int = 0, after: Sequence[int] = ()
    ) -> SampledToken:
        own_V: Floats = logits_V.detach().float().cpu().numpy()
        _check(own_V)
        scores_V, ids = self._scores(own_V, after)
        token = self._drawn(scores_V, position, draw)
        if ids is not None:
            token = int(ids[token])
        if self._sampling.logprobs is None:
            return SampledToken(token)
        return with_logprobs(token, own_V, self._sampling.logprobs)

    def _scores(self, own_V: Floats, after: Sequence[int]) -> tuple[Floats, Ids | None]:
        """What the filters see: of all tokens, or of those whose ids come with it."""
        if self._adjustments is None and self._constraint is None:
            return own_V, None
        fresh, self._followed = self._history[self._followed :], len(self._history)
        if self._adjustments:
            self._adjustments.follow(fresh)
            own_V = self._adjustments.apply(own_V, after)
        if self._constraint is None:
            return own_V, None
        self._constraint.follow(fresh)
        return _restricted(own_V, self._constraint.allowed(after))

    def _drawn(self, scores_V: Floats, position: int, draw: int) -> int:
        settings = self._sampling
        best = int(scores_V.argmax())
        if not np.isfinite(scores_V[best]):
            raise Internal("the model gives no probability to any token that may follow")
        if settings.temperature == 0.0:
            return best
        edge = self._noise.at(position, draw)
        with np.errstate(over="ignore"):
            if settings.top_k or settings.top_p < 1.0 or settings.min_p:
                return drawn(*candidates(scores_V, settings), edge)
            return drawn_of_all(scores_V, settings.temperature, edge)


def _check(own_V: Floats) -> None:
    # argmax takes NaN for the largest, so it finds one wherever it is.
    if not np.isfinite(own_V[own_V.argmax()]):
        raise Internal("the model's output is not a number")


def _restricted(scores_V: Floats, allowed_V: NDArray[np.bool_]) -> tuple[Floats, Ids | None]:
    """The scores of allowed tokens alone with their ids, or all scores, those not allowed at -inf."""
    allowed_V = allowed_V[: len(scores_V)]
    if np.count_nonzero(allowed_V) * _FEW < len(scores_V):
        ids = allowed_V.nonzero()[0]
        return scores_V[ids], ids
    bars_V = ((allowed_V.astype(np.uint32) - np.uint32(1)) & _MINUS_INFINITY).view(np.float32)  # 0 or -inf
    return scores_V + bars_V, None
