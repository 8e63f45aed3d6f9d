"""From pairs with their vectors to a reward model, and how good it is on prompts that it has not seen."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from colonnade.errors import Conflict
from colonnade.ethics.domain.rates import wilson
from colonnade.ethics.feedback.reward.bradley_terry import Array, Fit, chosen, fitted, log_loss
from colonnade.ethics.feedback.reward.model import RewardModel, Vectors, features_of

LEAST_LEARNT, LEAST_HELD_OUT = 20, 5
_HELD_OUT = _JUDGED = 0.2
"""Shares of prompts: those that the figures are of, and, of the rest, those that choose the penalty."""
_DEAD = 1e-3
"""Features are about 1. Encoders have components that are all but 0 for every text: brought to the scale of
the others, their noise would count as much, and their weights would overflow."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Pair n: ``chosen_NE[n]`` is preferred to ``rejected_NE[n]`` as an answer to ``prompts_NE[n]``."""

    prompts_NE: Vectors
    chosen_NE: Vectors
    rejected_NE: Vectors
    keys: Sequence[str]
    """Of the prompts: all pairs of a prompt are on one side."""
    sources: Sequence[str]
    longer: Sequence[bool]
    """The chosen answer has more characters than the other."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many, with Wilson's interval of 95 %."""

    right: int
    of: int

    @property
    def value(self) -> float:
        return self.right / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.right, self.of)


@dataclass(frozen=True, slots=True)
class Learnt:
    model: RewardModel
    penalty: float
    learnt: Mapping[str, int]
    """Pairs by source."""
    held_out: Mapping[str, Share]
    """Pairs ranked rightly, by source."""
    longer: Share
    """What always preferring the longer answer gets right of the same pairs."""
    loss: float
    """On the same pairs, in nats; log 2 is chance."""

    @property
    def accuracy(self) -> Share:
        shares = self.held_out.values()
        return Share(sum(share.right for share in shares), sum(share.of for share in shares))


def learn(examples: Examples, embedding_model: str) -> Learnt:
    """``Conflict`` where there are too few pairs to learn from, or to judge by."""
    held_out = _drawn(examples.keys, _HELD_OUT, "held out")
    _check_enough(int((~held_out).sum()), int(held_out.sum()))
    differences = features_of(examples.prompts_NE, examples.chosen_NE) - features_of(
        examples.prompts_NE, examples.rejected_NE
    )
    scale = np.sqrt((differences[~held_out] ** 2).mean(axis=0))
    scale[scale < _DEAD] = 1.0
    differences /= scale
    fit = _fit(differences[~held_out], _drawn(examples.keys, _JUDGED, "judged")[~held_out])
    right = differences[held_out] @ fit.weights_F > 0
    sources = np.array(examples.sources)
    return Learnt(
        RewardModel((fit.weights_F / scale).astype(np.float32), embedding_model),
        fit.penalty,
        {name: int((sources[~held_out] == name).sum()) for name in sorted(set(examples.sources))},
        {
            name: Share(int(right[sources[held_out] == name].sum()), int((sources[held_out] == name).sum()))
            for name in sorted(set(sources[held_out].tolist()))
        },
        Share(int(np.array(examples.longer)[held_out].sum()), int(held_out.sum())),
        log_loss(fit.weights_F, differences[held_out]),
    )


def _fit(differences: Array, judged: NDArray[np.bool_]) -> Fit:
    """All of them, under the penalty that a part of them chose; a stronger one counts for more pairs."""
    if not judged.any() or judged.all():
        judged = np.arange(len(differences)) % 5 == 0
    some = differences[~judged]
    penalty = chosen(some, differences[judged]).penalty * len(differences) / len(some)
    return Fit(fitted(differences, penalty), penalty)


def _drawn(keys: Sequence[str], share: float, salt: str) -> NDArray[np.bool_]:
    """The same prompts each time, whatever others there are."""
    draws = [hashlib.sha256(f"{salt}/{key}".encode()).digest() for key in keys]
    return np.array([int.from_bytes(draw[:4]) < share * 2**32 for draw in draws], dtype=np.bool_)


def _check_enough(learnt: int, held_out: int) -> None:
    if learnt < LEAST_LEARNT or held_out < LEAST_HELD_OUT:
        raise Conflict(
            f"there are {learnt} pairs to learn from and {held_out} to judge by; it takes {LEAST_LEARNT} and "
            f"{LEAST_HELD_OUT}: accept more feedback, or let the built-in pairs take part",
            field="feedback",
        )
