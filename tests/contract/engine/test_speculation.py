"""The core against the contract while it guesses ahead: nobody can tell from the answers."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colonnade.engine.cache import CacheBudget
from colonnade.engine.runtime import Runtime
from colonnade.engine.scheduler import Limits
from colonnade.engine.sequence import Update
from colonnade.engine.speculation.draft import DraftGuesser
from colonnade.engine.speculation.guessers import Guesser, LookupGuesser
from colonnade.engine.speculation.lengths import Adaptive, Fixed, Lengths
from colonnade.engine.speculation.speculation import Speculation
from tests.contract.engine.alone import alone
from tests.contract.engine.by_hand import LIMITS, SteppedCore
from tests.contract.engine.cases import ASKS, CROWDED, Ask
from tests.contract.engine.suite import check_as_if_alone
from tests.unit.engine.cache.audit import audit
from tests.unit.engine.speculation.adversaries import Noise
from tests.unit.engine.speculation.drafts import loaded, stranger, twin
from tests.unit.engine.toys.loaded import runtime

_QUICK = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
FAMILIES = ("autoregressive", "transformer")
GUESSERS: dict[str, Callable[[CacheBudget], Guesser]] = {
    "lookup": lambda budget: LookupGuesser(),
    "noise": lambda budget: Noise(1),
    "twin": lambda budget: _draft(loaded(twin()), budget),
    "near": lambda budget: _draft(loaded(twin(0.02)), budget),
    "stranger": lambda budget: _draft(loaded(stranger()), budget),
}
families = pytest.mark.parametrize("family", FAMILIES)
guessers = pytest.mark.parametrize("guesser", GUESSERS)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def _draft(made: Runtime, budget: CacheBudget) -> DraftGuesser:
    return DraftGuesser(made.model, made.store, budget)


@cache
def _plain(family: str) -> Runtime:
    return runtime(family)


class GuessingCore(SteppedCore):
    """Looks after the draft's pages as well, and counts what was guessed."""

    def __init__(
        self, family: str, guesser: str, limits: Limits = LIMITS, lengths: Lengths | None = None
    ) -> None:
        plain = _plain(family)
        super().__init__(replace(plain, model=plain.model), limits)
        self.guesser = GUESSERS[guesser](self.core.scheduler.budget)
        self.runtime.speculation = Speculation(self.guesser, lengths or Fixed(3))
        self.proposed = self.accepted = 0

    def held(self) -> dict[str, int]:
        more = self.guesser.sequences if isinstance(self.guesser, DraftGuesser | LookupGuesser) else 0
        return super().held() | {"guesser": more}

    def _step(self) -> list[Update]:
        updates = super()._step()
        if isinstance(self.guesser, DraftGuesser):
            audit(self.guesser._store)
        for tally in (each.finish.speculation for each in updates if each.finish):
            self.proposed += tally.proposed if tally else 0
            self.accepted += tally.accepted if tally else 0
        return updates


@families
@guessers
@_QUICK
@given(asks=st.lists(ASKS, min_size=1, max_size=7, unique=True))
def test_answers_are_those_without_guesses(family: str, guesser: str, asks: list[Ask]) -> None:
    check_as_if_alone(GuessingCore(family, guesser), asks, partial(alone, _plain(family)))


@pytest.mark.parametrize("guesser", ["twin", "near", "lookup"])
@_QUICK
@given(asks=st.lists(CROWDED, min_size=2, max_size=8, unique=True), pages=st.integers(6, 14))
def test_answers_are_those_without_guesses_where_room_is_short(
    guesser: str, asks: list[Ask], pages: int
) -> None:
    """Preemption takes from those that were guessed for, and guesses give way first."""
    family = "autoregressive"
    limits = Limits(max_sequences=4, step_tokens=12, cache_bytes=pages * _plain(family).store.page_bytes)
    check_as_if_alone(GuessingCore(family, guesser, limits), asks, partial(alone, _plain(family)))


@families
def test_a_draft_saves_forwards_and_the_accounts_are_exact(family: str) -> None:
    asks = [Ask("abc", 40, temperature=0.7, seed=seed) for seed in range(2)]
    limits = Limits(step_tokens=64)
    plain = SteppedCore(_plain(family), limits)
    expected = plain.answers(asks)
    guessing = GuessingCore(family, "twin" if family == "autoregressive" else "noise", limits)
    assert guessing.answers(asks) == expected
    assert guessing.proposed > 0
    if family == "autoregressive":
        assert guessing.accepted == guessing.proposed
        assert guessing.steps < plain.steps / 3


def test_guesses_get_what_is_left_of_a_step() -> None:
    asks = [Ask("abc", 30, seed=seed, temperature=1.0) for seed in range(3)]
    tight = GuessingCore("autoregressive", "twin", Limits(step_tokens=3))
    roomy = GuessingCore("autoregressive", "twin", Limits(step_tokens=64))
    assert tight.answers(asks) == roomy.answers(asks)
    assert roomy.steps < tight.steps


def test_how_far_is_guessed_does_not_matter() -> None:
    asks = [Ask("abcabcabc", 30, seed=seed, temperature=0.7) for seed in range(4)]
    for guesser in GUESSERS:
        answers = [
            GuessingCore("transformer", guesser, Limits(), lengths).answers(asks)
            for lengths in (Fixed(1), Fixed(7), Adaptive(4))
        ]
        assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize("guesser", ["twin", "lookup"])
def test_who_gave_way_is_guessed_for_again(guesser: str) -> None:
    asks = [Ask("a" * 16, 50, priority=-order, temperature=0.7, seed=order) for order in range(3)]
    page = _plain("autoregressive").store.page_bytes
    engine = GuessingCore("autoregressive", guesser, Limits(step_tokens=64, cache_bytes=9 * page))
    check_as_if_alone(engine, asks, partial(alone, _plain("autoregressive")))
    assert engine.core.load().preemptions > 0
    assert engine.proposed > 0
