"""The restart policy, driven by a random life of a process with a clock of its own."""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from colonnade.supervise.policy import RestartPolicy

BASE, LIMIT, STABLE, LOOP = 0.5, 30.0, 60.0, 5


class Life(RuleBasedStateMachine):
    """A process that gets ready or not, and ends; the model counts its ends in a row."""

    @initialize()
    def begin(self) -> None:
        self.policy = RestartPolicy(BASE, LIMIT, STABLE, LOOP)
        self.now = 1000.0
        self.in_a_row = 0
        self.ready_since: float | None = None
        self.runs = False
        self.last_pause = 0.0

    @precondition(lambda self: not self.runs)
    @rule()
    def start(self) -> None:
        self.policy.started()
        self.runs = True
        self.ready_since = None

    @rule(seconds=st.floats(0, 200))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.runs)
    @rule()
    def get_ready(self) -> None:
        self.policy.ready(self.now)
        self.ready_since = self.now if self.ready_since is None else self.ready_since

    @precondition(lambda self: self.runs)
    @rule()
    def get_unready(self) -> None:
        self.policy.unready()
        self.ready_since = None

    @precondition(lambda self: self.runs)
    @rule()
    def end(self) -> None:
        stable = self.ready_since is not None and self.now - self.ready_since >= STABLE
        before = self.last_pause
        pause = self.policy.ended(self.now)
        self.in_a_row = 1 if stable else self.in_a_row + 1
        if self.in_a_row == 1:
            assert pause == BASE
        else:
            assert pause == min(2 * before, LIMIT)
        self.last_pause, self.runs = pause, False

    @rule()
    def forgive(self) -> None:
        self.policy.forgive()
        self.in_a_row, self.ready_since = 0, None

    @invariant()
    def counts_ends_in_a_row(self) -> None:
        assert self.policy.failures == self.in_a_row
        assert self.policy.looping == (self.in_a_row >= LOOP)
        assert self.last_pause <= LIMIT


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_thousand_ends_do_not_overflow() -> None:
    policy = RestartPolicy()
    pauses = [policy.ended(float(second)) for second in range(5000)]
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses[-1] == 30.0


def test_ready_for_a_while_but_not_when_it_ended_does_not_count_as_stable() -> None:
    policy = RestartPolicy()
    policy.ended(0)
    policy.started()
    policy.ready(1)
    policy.unready()
    assert policy.ended(1000) == 1.0
