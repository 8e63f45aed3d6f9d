"""The plain definition of a draw: float64, one idea after the other, over the whole vocabulary."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from colonnade.engine.sampling import Sampling


def adjusted(
    scores: Sequence[float], asked: Sampling, prompt: Sequence[int], answer: Sequence[int]
) -> list[float]:
    """Scores after bias and penalties."""
    out = [float(score) for score in scores]
    for token, bias in asked.logit_bias.items():
        out[token] += bias
    for token in {*prompt, *answer}:
        penalty = asked.repetition_penalty
        out[token] = out[token] * penalty if out[token] < 0 else out[token] / penalty
    for token, times in Counter(answer).items():
        out[token] -= asked.frequency_penalty * times + asked.presence_penalty
    return out


def probabilities(scores: Sequence[float], asked: Sampling) -> list[tuple[int, float]]:
    """The tokens that may be drawn with their probabilities, in the order in which they are laid out."""
    order = [token for token in range(len(scores)) if scores[token] > -np.inf]
    top_k = asked.top_k if asked.top_k < len(scores) else 0
    if top_k or asked.top_p < 1 or asked.min_p:
        order.sort(key=lambda token: (-scores[token], token))
    if top_k:
        worst = scores[order[min(top_k, len(order)) - 1]]
        order = [token for token in order if scores[token] >= worst]
    best = max(scores)
    weight = {token: float(np.exp((scores[token] - best) / asked.temperature)) for token in order}
    if asked.top_p < 1:
        total, before, kept = sum(weight.values()), 0.0, []
        for token in order:
            if before < asked.top_p * total:
                kept.append(token)
            before += weight[token]
        order = kept
    if asked.min_p:
        order = [token for token in order if weight[token] >= asked.min_p * weight[order[0]]]
    total = sum(weight[token] for token in order)
    return [(token, weight[token] / total) for token in order]


def draw(laid_out: Sequence[tuple[int, float]], edge: float) -> int:
    reached = 0.0
    for token, probability in laid_out:
        reached += probability
        if edge < reached:
            return token
    return laid_out[-1][0]
