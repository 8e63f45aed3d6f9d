"""Guessing with a second model: batched, caught up, rewound, within its bytes, and never in the way."""

import sys
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.engine.cache import CacheBudget
from colonnade.engine.runtime import Runtime
from colonnade.engine.sampling import Sampling
from colonnade.engine.speculation import draft
from colonnade.engine.speculation.draft import DraftGuesser
from tests.unit.engine.speculation.drafts import Counted, loaded, stranger, twin
from tests.unit.engine.speculation.driving import Driven, Request, drive, drive_together
from tests.unit.engine.toys.loaded import runtime

_BYTES = 1 << 24


@cache
def _target() -> Runtime:
    return runtime("autoregressive")


def _guesser(model: Counted, limit: int = _BYTES) -> tuple[DraftGuesser, Runtime, CacheBudget]:
    budget, made = CacheBudget(limit), loaded(model)
    return DraftGuesser(made.model, made.store, budget), made, budget


def _requests(count: int, temperature: float = 0.0, limit: int = 14) -> list[Request]:
    prompts = [[5 * number + place for place in range(2 + 2 * number)] for number in range(count)]
    return [
        Request(list(prompt), limit, Sampling(temperature=temperature, seed=seed))
        for seed, prompt in enumerate(prompts)
    ]


def _nothing_held(made: Runtime, budget: CacheBudget) -> bool:
    return (len(made.store), made.store.held_bytes, budget.held_bytes) == (0, 0, 0)


@pytest.mark.parametrize("temperature", [0.0, 0.8, 1.5])
@pytest.mark.parametrize("kind", ["twin", "near", "stranger"])
def test_answers_are_those_without_a_draft(kind: str, temperature: float) -> None:
    models = {"twin": twin, "near": lambda: twin(0.02), "stranger": stranger}
    plain = [drive(_target(), request) for request in _requests(4, temperature)]
    guesser, made, budget = _guesser(models[kind]())
    guessed = drive_together(_target(), _requests(4, temperature), guesser, counts=(3, 5, 1))
    assert [each.ids for each in guessed] == [each.ids for each in plain]
    proposed = sum(each.tally.proposed for each in guessed)
    accepted = sum(each.tally.accepted for each in guessed)
    if kind == "twin":
        assert accepted == proposed > 0
    elif kind == "near":
        assert proposed / 2 < accepted
    else:
        assert accepted < proposed / 4
    assert _nothing_held(made, budget)


def test_all_sequences_of_a_step_share_each_forward() -> None:
    model = twin()
    guesser, _, _ = _guesser(model)
    drive_together(_target(), _requests(4, limit=1 + 4 * 4), guesser, counts=(3,))
    assert max(len(spans) for spans in model.forwards) == 4
    # One joins a step and each is done after four verifications: seven steps of three forwards.
    assert len(model.forwards) == 21


def test_a_rejected_guess_is_forgotten_and_only_the_rest_is_fed() -> None:
    model = stranger()
    guesser, _, _ = _guesser(model)
    request = drive(_target(), Request([1, 2, 3, 4, 5], 9), guesser, count=2)
    assert request.tally.accepted == 0
    first, *later = model.forwards
    assert first == [6], "prompt and first token, once"
    assert all(spans == [1] for spans in later), "then the newest token, or a guess"


def test_an_accepted_answer_is_fed_to_its_end() -> None:
    model = twin()
    guesser, _, _ = _guesser(model)
    drive(_target(), Request([1, 2, 3], 13), guesser, count=3)
    # The last guess of a step and the token after it were never fed before.
    assert model.forwards == [[4], [1], [1], [2], [1], [1], [2], [1], [1]]


def test_a_long_prompt_is_caught_up_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draft, "CATCH_UP", 8)
    model = twin()
    guesser, made, budget = _guesser(model)
    requests = [Request(list(range(first, first + 20)), 12) for first in (0, 40)]
    plain = [drive(_target(), Request(list(each.tokens), 12)) for each in requests]
    guessed = drive_together(_target(), requests, guesser, counts=(2,))
    assert [each.ids for each in guessed] == [each.ids for each in plain]
    assert all(each.tally.accepted == each.tally.proposed > 0 for each in guessed)
    caught_up = [count for spans in model.forwards for count in spans if count > 3]
    assert max(caught_up) == 8
    assert all(sum(spans) <= 8 + 3 for spans in model.forwards)
    assert _nothing_held(made, budget)


def test_without_room_for_its_state_a_sequence_goes_unguessed() -> None:
    one = _target().store.bytes_for(2 + 14)
    guesser, made, budget = _guesser(twin(), limit=one)
    first, second = drive_together(_target(), _requests(2, limit=14), guesser, counts=(2,))
    assert first.tally.proposed > second.tally.proposed
    assert len(first.ids) == len(second.ids) == 14
    assert _nothing_held(made, budget)


def test_whoever_needs_the_bytes_gets_them() -> None:
    guesser, made, budget = _guesser(twin())
    running = [Driven(_target(), request, guessed=True) for request in _requests(3)]
    with torch.inference_mode():
        for driven in running:
            driven.step()
        for held_for in (3, 2):
            guesses = guesser.guess([wanted for each in running for wanted in each.wanted(2)])
            for driven, guess in zip(running, guesses, strict=True):
                driven.take(guess)
                driven.step()
            assert guesser.sequences == held_for
            held = budget.held_bytes
            assert budget.forgo()
            assert guesser.sequences == held_for - 1
            assert budget.held_bytes < held
    guesser.close()
    assert _nothing_held(made, budget)
    assert not budget.forgo()


def test_a_closed_draft_is_forgotten_by_the_budget() -> None:
    guesser, _, _ = _guesser(twin())
    drive(_target(), Request([1, 2, 3], 6), guesser, count=2)
    before = sys.getrefcount(guesser)
    guesser.close()
    assert sys.getrefcount(guesser) < before


def test_beyond_the_drafts_context_nothing_is_guessed() -> None:
    model = twin()
    model.context_length = 12
    guesser, made, budget = _guesser(model)
    request = drive(_target(), Request([1, 2, 3], 30), guesser, count=2)
    assert request.ids == drive(_target(), Request([1, 2, 3], 30)).ids
    assert 0 < request.tally.proposed < 12
    assert _nothing_held(made, budget)


def test_a_sequence_that_was_set_back_is_followed() -> None:
    """After a preemption the same tokens come again; the draft may have kept or lost its state."""
    guesser, _, _ = _guesser(twin())
    target = _target()
    plain = drive(target, Request([1, 2, 3], 10))
    for forgets in (False, True):
        request = drive(target, Request([1, 2, 3], 5), guesser, count=2)
        again = Request(list(request.tokens), 10 - 5, handle=request.handle)
        if forgets:
            guesser.leave(request.handle)
        assert drive(target, again, guesser, count=2).ids == plain.ids[5:]


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    noise=st.sampled_from([0.0, 0.01, 0.05, 0.3]),
    temperature=st.sampled_from([0.0, 1.0]),
    counts=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    limits=st.lists(st.integers(1, 16), min_size=1, max_size=4),
)
def test_any_company_any_draft(
    noise: float, temperature: float, counts: list[int], limits: list[int]
) -> None:
    def asked() -> list[Request]:
        return [
            Request([number, 7], limit, Sampling(temperature, seed=limit))
            for number, limit in enumerate(limits)
        ]

    guesser, made, budget = _guesser(twin(noise))
    guessed = drive_together(_target(), asked(), guesser, counts=counts)
    assert [each.ids for each in guessed] == [drive(_target(), each).ids for each in asked()]
    assert _nothing_held(made, budget)
