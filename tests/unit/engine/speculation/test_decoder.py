"""Verification by coupling: the answer is the one without guesses, and the accounts are exact."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from colonnade.engine.runtime import Runtime
from colonnade.engine.sampling import Sampling
from colonnade.engine.speculation.decoder import SpeculativeDecoder, suits
from colonnade.engine.speculation.guessers import Guesser, LookupGuesser
from colonnade.engine.speculation.lengths import Pace
from tests.unit.engine.speculation.adversaries import Noise, now_and_then, right, wrong
from tests.unit.engine.speculation.driving import Request, drive
from tests.unit.engine.toys.loaded import FAMILIES, runtime

_SETTINGS = settings(max_examples=25, deadline=None, derandomize=True)
_SAMPLINGS = st.builds(
    Sampling,
    temperature=st.sampled_from([0.0, 0.0, 0.7, 1.5]),
    top_k=st.sampled_from([0, 5]),
    top_p=st.sampled_from([1.0, 0.8]),
    min_p=st.sampled_from([0.0, 0.05]),
    repetition_penalty=st.sampled_from([1.0, 1.3]),
    frequency_penalty=st.sampled_from([0.0, 0.7]),
    presence_penalty=st.sampled_from([0.0, -0.4]),
    logit_bias=st.dictionaries(st.integers(0, 255), st.floats(-5, 5), max_size=3),
    seed=st.integers(0, 2**64 - 1),
    logprobs=st.sampled_from([None, 0, 3]),
)
families = pytest.mark.parametrize("family", ["autoregressive", "transformer"])


@cache
def _runtime(family: str) -> Runtime:
    return runtime(family)


def _guessers(whole: list[int], seed: int) -> list[Guesser]:
    return [right(whole), wrong(whole), now_and_then(whole, seed), Noise(seed), LookupGuesser()]


@families
@_SETTINGS
@given(
    prompt=st.lists(st.integers(0, 255), min_size=1, max_size=12),
    limit=st.integers(1, 20),
    sampling=_SAMPLINGS,
    count=st.integers(1, 6),
    budgets=st.lists(st.integers(1, 8), min_size=1, max_size=4),
    kind=st.integers(0, 4),
)
def test_guesses_never_change_the_answer(
    family: str, prompt: list[int], limit: int, sampling: Sampling, count: int, budgets: list[int], kind: int
) -> None:
    plain = drive(_runtime(family), Request(list(prompt), limit, sampling))
    guesser = _guessers(plain.tokens, sampling.seed % 1000)[kind]
    guessed = drive(
        _runtime(family), Request(list(prompt), limit, sampling), guesser, count=count, budgets=budgets
    )
    assert guessed.ids == plain.ids
    for one, other in zip(guessed.answer, plain.answer, strict=True):
        assert (one.logprob is None) == (other.logprob is None)
        near = pytest.approx(other.logprob or 0.0, rel=1e-4, abs=1e-3)  # up to rounding
        assert (one.logprob or 0.0) == near
        assert [rival for rival, _ in one.top] == [rival for rival, _ in other.top]
    assert guessed.tally.accepted <= guessed.tally.proposed
    assert len(guessed.answer) <= guessed.forwards + guessed.tally.accepted


@families
def test_right_guesses_are_all_accepted(family: str) -> None:
    plain = drive(_runtime(family), Request([7, 8, 9], 21))
    guessed = drive(_runtime(family), Request([7, 8, 9], 21), right(plain.tokens), count=4)
    # One token comes of the prompt, then four times four guesses and one token each.
    assert len(plain.ids) == 21, "the answer is long enough"
    assert (guessed.tally.proposed, guessed.tally.accepted, guessed.forwards) == (16, 16, 5)


@families
def test_wrong_guesses_cost_no_token_and_no_forward(family: str) -> None:
    plain = drive(_runtime(family), Request([7, 8, 9], 21))
    guessed = drive(_runtime(family), Request([7, 8, 9], 21), wrong(plain.tokens), count=4)
    # Of the last answer nothing is guessed, and of those before it no more than can still be emitted.
    assert guessed.ids == plain.ids
    assert guessed.forwards == plain.forwards == 21
    assert (guessed.tally.proposed, guessed.tally.accepted) == (16 * 4 + 3 + 2 + 1, 0)


def test_a_stop_token_ends_the_step_that_meets_it() -> None:
    made = _runtime("autoregressive")
    plain = drive(made, Request([7, 8, 9], 12))
    ended = Runtime(made.ref, made.family, made.model, made.tokenizer, stop_ids=frozenset({plain.ids[3]}))
    first = plain.ids.index(plain.ids[3])
    guessed = drive(ended, Request([7, 8, 9], 12), right(plain.tokens), count=8)
    assert guessed.ids == plain.ids[: first + 1]
    assert guessed.tally.accepted == first


def test_only_plain_autoregression_over_state_that_can_be_cut_is_taken() -> None:
    taken = {family for family, build in FAMILIES.items() if suits(build(), build().decoder())}
    assert taken == {"autoregressive", "transformer"}


class Turns:
    """A grammar of sorts: first and second half of the vocabulary take turns, as the answer has it."""

    def __init__(self) -> None:
        self.answer: list[int] = []

    def follow(self, tokens: Sequence[int]) -> None:
        self.answer += tokens

    def allowed(self, after: Sequence[int]) -> NDArray[np.bool_]:
        for place, token in enumerate([*self.answer, *after]):
            assert (token >= 130) == bool(place % 2), "only what was decided counts as said"
        second = (len(self.answer) + len(after)) % 2 == 1
        half: NDArray[np.bool_] = (np.arange(260) >= 130) == second
        return half


@families
@pytest.mark.parametrize("temperature", [0.0, 1.2])
@pytest.mark.parametrize("kind", range(5))
def test_a_grammar_is_followed_through_guesses(family: str, temperature: float, kind: int) -> None:
    sampling = Sampling(temperature, seed=5, frequency_penalty=0.5)
    plain = drive(_runtime(family), Request([1, 2, 3], 24, sampling, Turns()))
    guesser = _guessers(plain.tokens, 5)[kind]
    guessed = drive(_runtime(family), Request([1, 2, 3], 24, sampling, Turns()), guesser)
    assert guessed.ids == plain.ids
    assert [token >= 130 for token in plain.ids] == [bool(place % 2) for place in range(len(plain.ids))]
    assert kind != 0 or guessed.tally.accepted == guessed.tally.proposed > 0


def test_a_guess_is_used_up_by_one_plan() -> None:
    made = _runtime("autoregressive")
    decoder = SpeculativeDecoder(made.model.decoder(), Pace(0.5))
    view = Request([1, 2, 3], 9)
    decoder.guess = [4, 5]
    assert list(decoder.plan(view, 100).tokens) == [1, 2, 3], "a prompt is not guessed at"
    view.committed = 2
    assert list(decoder.plan(view, 100).tokens) == [3]
    decoder.guess = [4, 5]
    assert list(decoder.plan(view, 2).tokens) == [3, 4]
    decoder.guess = [4, 5]
    view.limit = 1
    assert list(decoder.plan(view, 100).tokens) == [3], "what cannot be emitted is not verified"
