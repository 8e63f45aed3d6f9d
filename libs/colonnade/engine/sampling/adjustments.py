"""Logit bias and penalties: changes to the scores of a few tokens.

First the bias, then the penalties, as in Hugging Face transformers and vLLM: repetition over prompt and
answer (arXiv 1909.05858), frequency and presence over the answer alone (OpenAI's definitions).
"""

from collections.abc import Sequence

import numpy as np

from colonnade.engine.sampling.selection import Floats
from colonnade.engine.sampling.settings import Sampling


class Adjustments:
    """Of one request: follows its answer as it grows."""

    def __init__(self, settings: Sampling, prompt: Sequence[int]) -> None:
        self._settings = settings
        self._slots: dict[int, int] = {}
        self._tokens = np.empty(64, dtype=np.intp)
        """The distinct tokens so far, in the order in which they came."""
        self._counts = np.zeros(64, dtype=np.float32)
        """How often each of them is in the answer."""
        self._biased = np.array(list(settings.logit_bias), dtype=np.intp)
        self._bias = np.array(list(settings.logit_bias.values()), dtype=np.float32)
        if settings.repetition_penalty != 1.0:  # the others do not look at the prompt
            for token in dict.fromkeys(prompt):
                self._add(token, times=0)

    def follow(self, tokens: Sequence[int]) -> None:
        """The answer has grown by these."""
        for token in tokens:
            self._add(token, times=1)

    def apply(self, scores_V: Floats, after: Sequence[int]) -> Floats:
        """The changed scores, as if ``after`` followed the answer; the given ones stay as they are."""
        changed_V = scores_V.copy()
        changed_V[self._biased] += self._bias
        distinct = len(self._slots)
        self.follow(after)
        self._penalise(changed_V)
        self._take_back(after, distinct)
        return changed_V

    def _penalise(self, scores_V: Floats) -> None:
        settings, distinct = self._settings, len(self._slots)
        tokens, counts = self._tokens[:distinct], self._counts[:distinct]
        scores = scores_V[tokens]
        if settings.repetition_penalty != 1.0:
            penalty = np.float32(settings.repetition_penalty)
            scores = np.where(scores < 0, scores * penalty, scores / penalty)
        scores -= np.float32(settings.frequency_penalty) * counts
        scores -= np.float32(settings.presence_penalty) * (counts > 0)
        scores_V[tokens] = scores

    def _add(self, token: int, *, times: int) -> None:
        slot = self._slots.get(token)
        if slot is None:
            slot = self._slots[token] = len(self._slots)
            if slot == len(self._tokens):
                self._tokens, self._counts = (
                    np.resize(self._tokens, 2 * slot),
                    np.resize(self._counts, 2 * slot),
                )
            self._tokens[slot], self._counts[slot] = token, 0.0
        self._counts[slot] += times

    def _take_back(self, after: Sequence[int], distinct: int) -> None:
        for token in after:
            self._counts[self._slots[token]] -= 1
        for token in self._tokens[distinct : len(self._slots)].tolist():
            del self._slots[token]
