"""Probabilities against Hugging Face transformers' own processors, in their own order."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.generation import logits_process as reference

from colonnade.engine.sampling import Sampling, candidates
from colonnade.engine.sampling.adjustments import Adjustments

SETTINGS = st.builds(
    Sampling,
    temperature=st.sampled_from([0.3, 1.0, 2.0]),
    top_k=st.integers(0, 12),
    top_p=st.sampled_from([0.05, 0.37, 0.83, 1.0]),
    min_p=st.sampled_from([0.0, 0.11, 0.9]),
    repetition_penalty=st.sampled_from([1.0, 1.4]),
    logit_bias=st.dictionaries(st.integers(0, 1), st.sampled_from([-3.0, 2.0])),
)


def _warped(scores: torch.Tensor, history: list[int], asked: Sampling) -> torch.Tensor:
    steps: list[object] = []
    if asked.logit_bias:
        bias = {(token,): value for token, value in asked.logit_bias.items()}
        steps.append(reference.SequenceBiasLogitsProcessor(bias))
    if asked.repetition_penalty != 1.0:
        steps.append(reference.RepetitionPenaltyLogitsProcessor(asked.repetition_penalty))
    steps.append(reference.TemperatureLogitsWarper(asked.temperature))
    if asked.top_k:
        steps.append(reference.TopKLogitsWarper(asked.top_k))
    if asked.top_p < 1.0:
        steps.append(reference.TopPLogitsWarper(asked.top_p))
    if asked.min_p:
        steps.append(reference.MinPLogitsWarper(asked.min_p))
    out = scores.double()[None]
    for step in steps:
        out = step(torch.tensor([history]), out)  # type: ignore[operator]
    return out[0].softmax(0)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.floats(-8, 8, width=32), min_size=2, max_size=40, unique=True), SETTINGS, st.integers(0, 9)
)
def test_filters_are_those_of_transformers(values: list[float], asked: Sampling, seed: int) -> None:
    scores, history = torch.tensor(values), [seed % len(values), (seed * 7) % len(values)]
    expected = _warped(scores, history, asked)
    changed = Adjustments(asked, history).apply(scores.numpy(), ())
    ids, weights = candidates(changed, asked)
    got = torch.zeros(len(values), dtype=torch.double)
    got[torch.from_numpy(ids)] = torch.from_numpy(weights / weights.sum())
    if ((expected - got).abs() > 1e-5).any():  # a token exactly on a threshold may fall to either side
        assert _near_threshold(torch.from_numpy(changed), asked)


def _near_threshold(scores: torch.Tensor, asked: Sampling) -> bool:
    order = (scores.double() / asked.temperature).sort(descending=True).values
    if asked.top_k:
        order = order[: asked.top_k + int((order[asked.top_k :] >= order[: asked.top_k].min()).sum())]
    shares = order.softmax(0)
    before = shares.cumsum(0) - shares
    edges = torch.cat((before - asked.top_p, shares / shares[0] - asked.min_p, order.diff()))
    return bool((edges.abs() < 1e-5).any())
