"""The states of a rollout: whatever happens nobody gets a version that nothing has judged."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from colonnade.errors import Conflict, InvalidArgument
from colonnade.registry.domain import Target
from colonnade.registry.rollouts.machine import (
    GateResult,
    Outcome,
    Rollout,
    State,
    asked_again,
    begun,
    judged,
    paused,
    promoted,
    resumed,
    shared,
    taken_back,
    ticked,
)
from colonnade.registry.rollouts.observation import Observed
from colonnade.registry.rollouts.plan import Bound, Gate, Measure, Objective, Plan, Probe, Step

NOW = datetime(2030, 1, 1, tzinfo=UTC)
GATE = Gate(Probe.TASKS, Bound(0.8))
ERRORS = Objective(Measure.ERROR_RATE, Bound(0.02))
GOOD = Observed.total([Observed.answer(0.1, 9, 0.1)] * 30)
BAD = Observed.total([Observed.failure()] * 30)
STABLE = (Target(1, 70), Target(2, 30))
PASSED, FAILED = GateResult(Outcome.PASSED, 0.9), GateResult(Outcome.FAILED, 0.1, why="0.1 is too little")
FULL = Plan((GATE, GATE), Step(10, 5), (Step(5, 10, 20), Step(50, 10, 20), Step(100, 10)), (ERRORS,))


def rollout(plan: Plan = FULL, stable: Sequence[Target] = STABLE) -> Rollout:
    return begun("r", "m", "production", 3, stable, plan, NOW)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_gate_that_is_asked_again() -> None:
    plan = Plan((GATE, GATE), Step(10, 5), (Step(5, 10),))
    asked = rollout(plan)
    assert asked_again(asked, 0, FAILED, NOW) == asked, "not before it is watched"
    shadow = judged(judged(asked, PASSED, NOW), PASSED, NOW)
    better = GateResult(Outcome.PASSED, 0.95)
    assert asked_again(shadow, 1, better, after(1)).gates == (PASSED, better)
    assert asked_again(shadow, 1, better, after(1)).phase == shadow.phase
    refused = asked_again(shadow, 1, FAILED, after(1))
    assert (refused.state, refused.targets) == (State.REFUSED, STABLE)
    canary = ticked(shadow, GOOD, GOOD, after(6))
    taken = asked_again(canary, 0, FAILED, after(7))
    assert (taken.state, taken.targets) == (State.ROLLED_BACK, STABLE)
    assert taken.reason == "the gate tasks failed when it was asked again: 0.1 is too little"
    assert asked_again(taken, 0, PASSED, after(8)) == taken, "it has ended"


@pytest.mark.parametrize("every", [0.5, -1, 1e9], ids=["often", "negative", "never"])
def test_a_gate_is_asked_again_within_bounds(every: float) -> None:
    with pytest.raises(InvalidArgument, match="every_seconds"):
        Gate(Probe.TASKS, Bound(0.8), every=every)


def test_the_whole_way() -> None:
    now = rollout()
    assert (now.state, now.targets, now.shadow_percent) == (State.GATES, STABLE, 0)
    now = judged(judged(now, PASSED, after(1)), GateResult(Outcome.SKIPPED), after(2))
    assert (now.state, now.targets, now.shadow_percent) == (State.SHADOW, STABLE, 10)
    assert ticked(now, GOOD, GOOD, after(6)) == now, "its time is not over"
    assert not ticked(now, Observed(), GOOD, after(8)).state.ended, "nobody is asked in the shadow"
    percents = []
    seconds = 7.0
    while not now.state.ended:
        now = ticked(now, GOOD, GOOD, after(seconds))
        percents.append({target.version: target.weight for target in now.targets})
        seconds += 10
    assert percents == [{1: 66, 2: 29, 3: 5}, {1: 35, 2: 15, 3: 50}, {3: 100}, {3: 100}]
    assert (now.state, now.reason) == (State.PROMOTED, "passed all that its plan asks")


def test_a_gate_that_fails_ends_it() -> None:
    now = judged(rollout(), FAILED, after(1))
    assert (now.state, now.targets) == (State.REFUSED, STABLE)
    assert now.reason == "the gate tasks failed: 0.1 is too little"
    with pytest.raises(Conflict):
        judged(now, PASSED, after(2))


def test_a_breach_takes_it_back_even_while_it_is_paused() -> None:
    canary = rollout(Plan(steps=FULL.steps, objectives=FULL.objectives))
    for at in (canary, paused(canary, by="ann")):
        now = ticked(at, BAD, GOOD, after(1))
        assert (now.state, now.targets, now.paused) == (State.ROLLED_BACK, STABLE, False)
        assert "error_rate is 1 after 30 requests" in now.reason


def test_the_first_version_of_an_alias_passes_its_gates_alone() -> None:
    now = judged(judged(rollout(stable=()), PASSED, NOW), PASSED, NOW)
    assert (now.state, now.targets) == (State.PROMOTED, (Target(3, 100),))


def test_a_plan_of_nothing_promotes_at_once() -> None:
    assert rollout(Plan()).state is State.PROMOTED


def test_requests_that_it_failed_are_no_answers() -> None:
    watched = rollout(
        Plan(steps=(Step(5, 10, 20),), objectives=(Objective(Measure.FIRST_TOKEN_P95, Bound(2)),))
    )
    assert ticked(watched, BAD, GOOD, after(11)) == watched
    assert ticked(watched, BAD + GOOD, GOOD, after(11)).state is State.PROMOTED


def test_paused_it_goes_no_further_and_a_step_begins_anew() -> None:
    now = paused(rollout(Plan(steps=(Step(5, 10),))), by="ann")
    assert ticked(now, GOOD, GOOD, after(99)) == now
    now = resumed(now, after(100), by="bob")
    assert (now.paused, now.reason) == (False, "resumed by bob")
    assert ticked(now, GOOD, GOOD, after(109)) == now
    assert ticked(now, GOOD, GOOD, after(110)).state is State.PROMOTED
    assert resumed(now, after(111), by="bob") == now


def test_paused_during_the_gates_it_waits_behind_them() -> None:
    now = judged(judged(paused(rollout(), by="ann"), PASSED, NOW), PASSED, NOW)
    assert now.state is State.GATES
    assert ticked(now, GOOD, GOOD, after(9)).state is State.GATES
    now = ticked(resumed(now, after(10), by="ann"), GOOD, GOOD, after(11))
    assert now.state is State.SHADOW


def test_people() -> None:
    with pytest.raises(Conflict, match="gates"):
        promoted(rollout(), NOW, by="ann")
    canary = rollout(Plan(steps=FULL.steps))
    now = promoted(canary, NOW, by="ann")
    assert (now.state, now.reason) == (State.PROMOTED, "promoted by ann")
    now = taken_back(canary, NOW, by="ann", why="it rhymes")
    assert (now.state, now.targets) == (State.ROLLED_BACK, STABLE)
    assert now.reason == "rolled back by ann: it rhymes"
    assert taken_back(rollout(), NOW, by="ann").state is State.CANCELLED
    acts: list[Callable[[], Rollout]] = [
        lambda: promoted(now, NOW, by="a"),
        lambda: taken_back(now, NOW, by="a"),
        lambda: paused(now, by="a"),
        lambda: resumed(now, NOW, by="a"),
    ]
    for act in acts:
        with pytest.raises(Conflict, match="has ended"):
            act()


def test_what_cannot_begin() -> None:
    with pytest.raises(InvalidArgument, match="already"):
        rollout(stable=(Target(3, 100),))
    ten = [Target(version, 10) for version in range(10, 20)]
    with pytest.raises(InvalidArgument, match="10 is the most"):
        rollout(stable=ten)
    with pytest.raises(InvalidArgument, match="less than one"):
        rollout(Plan(steps=(Step(99, 1),)))


@pytest.mark.parametrize(
    "steps", [(Step(5, 1), Step(5, 1)), (Step(50, 1), Step(5, 1))], ids=["equal", "falling"]
)
def test_steps_grow(steps: tuple[Step, ...]) -> None:
    with pytest.raises(InvalidArgument, match="greater percent"):
        Plan(steps=steps)


@given(st.lists(st.integers(1, 100), min_size=1, max_size=9), st.integers(1, 100))
def test_shares_add_up_and_keep_their_order(weights: list[int], percent: int) -> None:
    assume(percent == 100 or 100 - percent >= len(weights))
    stable = [Target(version, weight) for version, weight in enumerate(weights, start=1)]
    found = shared(stable, 99, percent)
    assert sum(target.weight for target in found) == 100
    assert found[-1] == Target(99, percent)
    if percent < 100:
        assert all(target.weight >= 1 for target in found)
        for one, other in zip(stable, found, strict=False):
            rest, total = 100 - percent - len(stable), sum(weights)
            assert abs(other.weight - 1 - rest * one.weight / total) < 1


class Machine(RuleBasedStateMachine):
    """Anything in any order."""

    @initialize(
        gates=st.integers(0, 2),
        shadow=st.booleans(),
        percents=st.lists(st.integers(1, 98), unique=True, max_size=4),
        stable=st.sampled_from([(), (Target(1, 100),), STABLE]),
    )
    def start(self, gates: int, shadow: bool, percents: list[int], stable: tuple[Target, ...]) -> None:
        steps = tuple(Step(percent, 10, 5) for percent in sorted(percents))
        plan = Plan((GATE,) * gates, Step(10, 10) if shadow else None, steps, (ERRORS,))
        self.now, self.stable = NOW, stable
        self.rollout = begun("r", "m", "a", 3, stable, plan, NOW)
        self.ended: Rollout | None = None
        self.percent = 0

    def _is(self, following: Rollout) -> None:
        self.rollout = following

    @rule(seconds=st.floats(0, 30))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.rollout.state is State.GATES)
    @rule(result=st.sampled_from([PASSED, PASSED, FAILED, GateResult(Outcome.SKIPPED)]))
    def gate(self, result: GateResult) -> None:
        if len(self.rollout.gates) < len(self.rollout.plan.gates):
            self._is(judged(self.rollout, result, self.now))

    @rule(candidate=st.sampled_from([Observed(), GOOD, BAD]))
    def tick(self, candidate: Observed) -> None:
        before = self.rollout
        self._is(ticked(before, candidate, GOOD, self.now))
        if before.state is State.CANARY and candidate is BAD:
            assert self.rollout.state is State.ROLLED_BACK

    @precondition(lambda self: not self.rollout.state.ended)
    @rule()
    def pause(self) -> None:
        self._is(paused(self.rollout, by="ann"))

    @precondition(lambda self: not self.rollout.state.ended)
    @rule()
    def resume(self) -> None:
        self._is(resumed(self.rollout, self.now, by="ann"))

    @precondition(lambda self: self.rollout.state in (State.SHADOW, State.CANARY))
    @rule()
    def promote(self) -> None:
        self._is(promoted(self.rollout, self.now, by="ann"))

    @precondition(lambda self: not self.rollout.state.ended)
    @rule()
    def take_back(self) -> None:
        self._is(taken_back(self.rollout, self.now, by="ann"))

    @invariant()
    def weights_add_up(self) -> None:
        if targets := self.rollout.targets:
            assert sum(target.weight for target in targets) == 100

    @invariant()
    def nobody_gets_what_no_gate_has_passed(self) -> None:
        passed = all(result.outcome is not Outcome.FAILED for result in self.rollout.gates)
        asked = passed and len(self.rollout.gates) == len(self.rollout.plan.gates)
        gets = any(target.version == 3 for target in self.rollout.targets)
        assert not gets or asked
        if self.rollout.state in (State.REFUSED, State.ROLLED_BACK, State.CANCELLED):
            assert self.rollout.targets == self.stable

    @invariant()
    def its_share_only_grows_until_it_ends(self) -> None:
        share = sum(target.weight for target in self.rollout.targets if target.version == 3)
        if not self.rollout.state.ended:
            assert share >= self.percent
            self.percent = share

    @invariant()
    def an_end_is_an_end(self) -> None:
        if self.ended is not None:
            assert self.rollout == self.ended
        if self.rollout.state.ended:
            self.ended = self.rollout
            assert self.rollout.reason


TestMachine = Machine.TestCase
