import math
from collections import Counter
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.generation import logits_process as reference

from colonnade.engine.sampling import Sampling, TokenSampler, distribution, uniform
from colonnade.errors import ColonnadeError, InvalidArgument

SCORES = st.lists(st.sampled_from([-4.0, -1.0, -0.5, 0.0, 0.25, 1.0, 2.5, 6.0]), min_size=2, max_size=40)
SETTINGS = st.builds(
    Sampling,
    temperature=st.sampled_from([0.3, 1.0, 2.0]),
    top_k=st.integers(0, 12),
    top_p=st.sampled_from([0.05, 0.37, 0.83, 1.0]),
    min_p=st.sampled_from([0.0, 0.11, 0.9]),
    repetition_penalty=st.sampled_from([1.0, 1.4]),
)


def _warped(scores: torch.Tensor, history: list[int], asked: Sampling) -> torch.Tensor:
    """Probabilities as Hugging Face transformers makes them."""
    steps: list[object] = []
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


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.floats(-8, 8, width=32), min_size=2, max_size=40, unique=True), SETTINGS, st.integers(0, 9)
)
def test_filters_are_those_of_transformers(values: list[float], asked: Sampling, seed: int) -> None:
    scores, history = torch.tensor(values), [seed % len(values), (seed * 7) % len(values)]
    expected = _warped(scores, history, asked)
    sampler = TokenSampler(asked, history)
    penalised = sampler._penalised(scores) if asked.repetition_penalty != 1.0 else scores
    ids, probabilities = distribution(penalised, asked)
    got = torch.zeros(len(values), dtype=torch.double).scatter(0, ids, probabilities)
    boundary = (expected - got).abs() > 1e-6
    if boundary.any():  # a token that sits exactly on a threshold may fall to either side
        assert len(_near_threshold(penalised, asked)) > 0
    else:
        torch.testing.assert_close(got, expected, atol=1e-6, rtol=1e-6)


def _near_threshold(scores: torch.Tensor, asked: Sampling) -> list[float]:
    _, probabilities = distribution(scores, Sampling(asked.temperature, top_k=asked.top_k))
    order = probabilities.sort(descending=True).values
    before = order.cumsum(0) - order
    close = [float(b) for b in before if abs(float(b) - asked.top_p) < 1e-5]
    return close + [float(p) for p in order if abs(float(p / order[0]) - asked.min_p) < 1e-5]


@settings(deadline=None)
@given(SCORES, SETTINGS)
def test_a_filtered_distribution_is_one(values: list[float], asked: Sampling) -> None:
    ids, probabilities = distribution(torch.tensor(values), asked)
    assert len(set(ids.tolist())) == len(ids) >= 1
    assert float(probabilities.sum()) == pytest.approx(1.0)
    assert float(probabilities.min()) >= 0.0
    best = max(values)
    assert any(values[token] == best for token in ids.tolist()), "the best token always passes"


def test_ties_are_broken_by_id_and_all_pass_top_k() -> None:
    scores = torch.tensor([0.0, 3.0, 1.0, 3.0, 1.0, 1.0])
    ids, _ = distribution(scores, Sampling(1.0, top_k=3))
    assert ids.tolist() == [1, 3, 2, 4, 5]
    assert TokenSampler(Sampling(0.0), [])(scores, 5).id == 1


@cache
def _numbers(count: int) -> list[torch.Tensor]:
    rows = (
        [uniform(7, position, 0) for position in range(count)],
        [uniform(seed, 7, 0) for seed in range(count)],
        [uniform(7, 7, draw) for draw in range(count)],
    )
    return [torch.tensor(row, dtype=torch.double) for row in rows]


@pytest.mark.parametrize(
    "asked",
    [
        Sampling(1.0),
        Sampling(0.7, top_k=8),
        Sampling(1.3, top_p=0.8),
        Sampling(1.0, min_p=0.1),
        Sampling(0.9, top_k=12, top_p=0.9, min_p=0.05),
    ],
)
def test_draws_follow_the_exact_distribution(asked: Sampling) -> None:
    """Chi-square over positions, over seeds and over draws."""
    scores = torch.randn(20, generator=torch.Generator().manual_seed(1)) * 1.5
    ids, probabilities = distribution(scores, asked)
    cumulated = probabilities.cumsum(0)
    count = 10_000
    for edges in _numbers(count):
        places = torch.searchsorted(cumulated, edges, right=True)
        seen = torch.bincount(places.clamp(max=len(ids) - 1), minlength=len(ids)).double()
        expected = probabilities * count
        statistic = float(((seen - expected) ** 2 / expected).sum())
        freedom = len(ids) - 1
        assert statistic < freedom + 5 * math.sqrt(2 * freedom), (statistic, freedom)


def test_the_sampler_draws_what_the_random_number_points_at() -> None:
    scores = torch.tensor([0.0, 1.0, 2.0])
    sampler = TokenSampler(Sampling(1.0, seed=5), [])
    drawn = Counter(sampler(scores, position).id for position in range(3000))
    shares = torch.tensor([drawn[token] / 3000 for token in range(3)], dtype=torch.double)
    torch.testing.assert_close(shares, scores.double().softmax(0), atol=0.03, rtol=0)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**40), st.integers(0, 2**20))
def test_random_numbers_are_a_function_of_seed_position_and_draw(seed: int, position: int, draw: int) -> None:
    first = uniform(seed, position, draw)
    assert 0.0 <= first < 1.0
    assert first == uniform(seed, position, draw)
    assert first != uniform(seed, position, draw + 1)
    assert first != uniform(seed, position + 1, draw)


def test_logprobs_are_the_models_own() -> None:
    scores = torch.tensor([2.0, 1.0, 0.0, -1.0])
    asked = Sampling(0.2, top_k=1, repetition_penalty=5.0, logprobs=2)
    token = TokenSampler(asked, [0])(scores, 3)
    own = scores.log_softmax(0)
    assert token.id == 1, "the penalty made 0 less likely than 1"
    assert token.logprob == pytest.approx(float(own[1]))
    assert [rival for rival, _ in token.top] == [0, 1]
    assert token.top[0][1] == pytest.approx(float(own[0]))


def test_the_penalty_follows_the_history_as_it_grows() -> None:
    history, scores = [0], torch.tensor([3.0, 2.9, 2.8])
    sampler = TokenSampler(Sampling(0.0, repetition_penalty=2.0), history)
    for expected in (1, 2, 0):
        token = sampler(scores, len(history)).id
        assert token == expected
        history.append(token)


@pytest.mark.parametrize("cold", [1e-12, 1e-300])
def test_almost_no_temperature_is_almost_greedy(cold: float) -> None:
    scores = torch.tensor([100.0, 100.5, -1e4])
    assert TokenSampler(Sampling(cold, top_p=0.5), [])(scores, 0).id == 1


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_model_that_answers_nonsense_is_caught(value: float, temperature: float) -> None:
    with pytest.raises(ColonnadeError):
        TokenSampler(Sampling(temperature), [])(torch.tensor([0.0, value]), 0)
    with pytest.raises(ColonnadeError):
        TokenSampler(Sampling(temperature), [])(torch.full((3,), -math.inf), 0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", -0.1), ("temperature", 1e9), ("temperature", math.nan), ("temperature", math.inf),
        ("top_k", -1), ("top_p", 0.0), ("top_p", 1.1), ("top_p", -1.0), ("min_p", 2.0), ("min_p", -0.5),
        ("repetition_penalty", 0.0), ("repetition_penalty", -1.0), ("repetition_penalty", math.nan),
        ("seed", -1), ("seed", 2**64), ("logprobs", 21), ("logprobs", -1),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        Sampling(**{field: value})  # type: ignore[arg-type]
    assert refusal.value.details["field"] == field
    assert field in refusal.value.message
