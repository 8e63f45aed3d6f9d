"""The sampler as a whole: draws, penalties, constraints, logprobs, refusals."""

import math
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from colonnade.engine.sampling import Sampling, TokenSampler, candidates, uniform
from colonnade.errors import ColonnadeError, InvalidArgument
from tests.unit.engine.sampling import plain

SIZE = 12
TOKENS = st.lists(st.integers(0, SIZE - 1), max_size=20)
SCORES = st.lists(st.integers(-40, 40).map(lambda step: step / 8), min_size=SIZE, max_size=SIZE)
ADJUSTING = st.builds(
    Sampling,
    temperature=st.sampled_from([0.0, 1.0]),
    top_k=st.sampled_from([0, 3]),
    repetition_penalty=st.sampled_from([1.0, 0.5, 2.0]),
    frequency_penalty=st.sampled_from([0.0, -0.5, 0.25]),
    presence_penalty=st.sampled_from([0.0, -1.0, 0.5]),
    logit_bias=st.dictionaries(
        st.integers(0, SIZE - 1), st.sampled_from([-100.0, -1.0, 0.5, 4.0]), max_size=3
    ),
    seed=st.integers(0, 5),
)


class Only:
    """A constraint that allows what follows the last token by one of some steps."""

    def __init__(self, steps: Sequence[int], begin: int) -> None:
        self._steps, self._last = steps, begin

    def follow(self, tokens: Sequence[int]) -> None:
        self._last = [self._last, *tokens][-1]

    def allowed(self, after: Sequence[int]) -> NDArray[np.bool_]:
        last = [self._last, *after][-1]
        allowed = np.zeros(SIZE + 4, dtype=np.bool_)  # a mask may be wider than the model's vocabulary
        allowed[[(last + step) % SIZE for step in self._steps]] = True
        return allowed


def expected(
    scores: Sequence[float],
    asked: Sampling,
    prompt: Sequence[int],
    answer: Sequence[int],
    only: Only | None = None,
) -> int:
    changed = plain.adjusted(scores, asked, prompt, answer)
    if only:
        allowed = only.allowed(answer)
        changed = [score if allowed[token] else -math.inf for token, score in enumerate(changed)]
    if asked.temperature == 0.0:
        return changed.index(max(changed))
    edge = uniform(asked.seed, len(prompt) + len(answer), 0)
    return plain.draw(plain.probabilities(changed, asked), edge)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(SCORES, min_size=1, max_size=6), ADJUSTING, TOKENS, st.sets(st.integers(0, SIZE - 1)), st.data()
)
def test_a_draw_depends_on_all_tokens_before_it_however_they_were_decided(
    rows: list[list[float]], asked: Sampling, prompt: list[int], steps: set[int], data: st.DataObject
) -> None:
    """Tokens one a step, or several a step with ``after``, also ones that are then thrown away."""
    only = (lambda: Only(sorted(steps), 0)) if steps else (lambda: None)
    history = list(prompt)
    sampler = TokenSampler(asked, history, only())
    answer: list[int] = []
    pending: list[int] = []
    for scores in rows:
        if data.draw(st.booleans(), "guess ahead") and not steps:
            sampler(torch.tensor(scores), len(history) + len(pending) + 1, after=[*pending, 3])
        token = sampler(torch.tensor(scores), len(history) + len(pending), after=pending).id
        assert token == expected(scores, asked, prompt, answer, only())
        answer.append(token)
        pending.append(token)
        if data.draw(st.booleans(), "end the step"):
            history += pending
            pending = []


def test_penalties_count_what_the_step_decided_before() -> None:
    scores = torch.tensor([3.0, 2.9, 2.8])
    sampler = TokenSampler(Sampling(0.0, repetition_penalty=2.0), [0])
    decided: list[int] = []
    for token in (1, 2, 0):
        decided.append(sampler(scores, 1 + len(decided), after=decided).id)
        assert decided[-1] == token


def test_frequency_and_presence_look_at_the_answer_alone() -> None:
    scores, history = torch.tensor([1.0, 0.9]), [0, 0, 0]
    sampler = TokenSampler(Sampling(0.0, frequency_penalty=0.125, presence_penalty=0.0625), history)
    drawn = []
    for _ in range(5):
        drawn.append(sampler(scores, len(history)).id)
        history.append(drawn[-1])
    assert drawn == [0, 1, 0, 1, 0]


def test_a_long_answer_is_counted_in_full() -> None:
    numbers = np.random.default_rng(3)
    scores, history = torch.from_numpy(numbers.normal(size=500).astype(np.float32)), list(range(40))
    asked = Sampling(0.0, repetition_penalty=1.5, frequency_penalty=0.125, presence_penalty=0.25)
    sampler = TokenSampler(asked, history)
    for _ in range(300):
        token = sampler(scores, len(history)).id
        changed = plain.adjusted(scores.tolist(), asked, range(40), history[40:])
        assert changed[token] == pytest.approx(max(changed), abs=1e-5)
        history.append(token)
    assert len(set(history)) > 64


@cache
def _numbers(count: int) -> list[list[float]]:
    return [
        [uniform(7, position, 0) for position in range(count)],
        [uniform(seed, 7, 0) for seed in range(count)],
        [uniform(7, 7, draw) for draw in range(count)],
    ]


@pytest.mark.parametrize(
    "asked",
    [
        Sampling(1.0),
        Sampling(0.7, top_k=8),
        Sampling(1.3, top_p=0.8),
        Sampling(1.0, min_p=0.1),
        Sampling(0.9, top_k=12, top_p=0.9, min_p=0.05),
    ],
    ids=["plain", "top_k", "top_p", "min_p", "all"],
)
def test_draws_follow_the_exact_distribution(asked: Sampling) -> None:
    """Chi-square over positions, over seeds and over draws."""
    scores = (torch.randn(20, generator=torch.Generator().manual_seed(1)) * 1.5).numpy()
    laid_out = plain.probabilities(scores.tolist(), asked)
    ids, weights = candidates(scores, asked)
    sums, count = weights.cumsum() / weights.sum(), 10_000
    for edges in _numbers(count):
        places = np.minimum(sums.searchsorted(edges, side="right"), len(ids) - 1)
        seen = Counter(ids[places].tolist())
        statistic = sum((seen[token] - share * count) ** 2 / (share * count) for token, share in laid_out)
        freedom = len(laid_out) - 1
        assert statistic < freedom + 5 * math.sqrt(2 * freedom), (statistic, freedom)
        assert set(seen) <= {token for token, _ in laid_out}


@pytest.mark.parametrize("asked", [{}, {"top_k": 3}, {"top_p": 0.999999}], ids=str)
def test_the_sampler_draws_what_the_random_number_points_at(asked: dict[str, Any]) -> None:
    scores = torch.tensor([0.0, 1.0, 2.0])
    sampler = TokenSampler(Sampling(1.0, seed=5, **asked), [])
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
    asked = Sampling(0.2, top_k=1, repetition_penalty=5.0, logprobs=2, logit_bias={3: 1.0})
    token = TokenSampler(asked, [0])(scores, 3)
    own = scores.log_softmax(0)
    assert token.id == 1, "the penalty made 0 less likely than 1"
    assert token.logprob == pytest.approx(float(own[1]))
    assert [rival for rival, _ in token.top] == [0, 1]
    assert token.top[0][1] == pytest.approx(float(own[0]))


def test_logprobs_of_a_constrained_token_are_the_models_own() -> None:
    scores = torch.arange(SIZE, dtype=torch.float32)
    token = TokenSampler(Sampling(logprobs=1), [], Only([3], 0))(scores, 0)
    assert token.id == 3
    assert token.logprob == pytest.approx(float(scores.log_softmax(0)[3]), abs=1e-5)
    assert token.top[0][0] == SIZE - 1


def test_the_penalty_follows_the_history_as_it_grows() -> None:
    history, scores = [0], torch.tensor([3.0, 2.9, 2.8])
    sampler = TokenSampler(Sampling(0.0, repetition_penalty=2.0), history)
    for token in (1, 2, 0):
        assert sampler(scores, len(history)).id == token
        history.append(token)


def test_a_logit_is_not_changed_where_it_stands() -> None:
    scores = torch.tensor([1.0, 2.0, 3.0])
    TokenSampler(Sampling(0.0, logit_bias={2: -9.0}, repetition_penalty=2.0), [1])(scores, 1)
    assert scores.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64], ids=str)
def test_any_kind_of_float_will_do(dtype: torch.dtype) -> None:
    assert TokenSampler(Sampling(), [])(torch.tensor([0.0, 2.0, 1.0], dtype=dtype), 0).id == 1


@pytest.mark.parametrize("value", [math.nan, math.inf], ids=str)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_model_that_answers_nonsense_is_caught(value: float, temperature: float) -> None:
    with pytest.raises(ColonnadeError):
        TokenSampler(Sampling(temperature), [])(torch.tensor([0.0, value]), 0)
    with pytest.raises(ColonnadeError):
        TokenSampler(Sampling(temperature), [])(torch.full((3,), -math.inf), 0)
    scores = torch.zeros(SIZE)
    scores[0] = -math.inf
    with pytest.raises(ColonnadeError):
        TokenSampler(Sampling(temperature), [], Only([0], 0))(scores, 0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", -0.1), ("temperature", 1e9), ("temperature", math.nan), ("temperature", math.inf),
        ("top_k", -1), ("top_p", 0.0), ("top_p", 1.1), ("top_p", -1.0), ("min_p", 2.0), ("min_p", -0.5),
        ("repetition_penalty", 0.0), ("repetition_penalty", -1.0), ("repetition_penalty", math.nan),
        ("frequency_penalty", 101.0), ("frequency_penalty", math.nan), ("presence_penalty", -101.0),
        ("seed", -1), ("seed", 2**64), ("logprobs", 21), ("logprobs", -1),
        ("logit_bias", {1: math.nan}), ("logit_bias", {1: 101.0}), ("logit_bias", {-1: 0.0}),
        ("logit_bias", dict.fromkeys(range(1025), 1.0)),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value)[:20],
)  # fmt: skip
def test_settings_out_of_range_are_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        Sampling(**{field: value})  # type: ignore[arg-type]
    assert refusal.value.details["field"] == field
    assert field in refusal.value.message
