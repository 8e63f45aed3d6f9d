"""The states of a job: whatever happens it is in one of them, and an older attempt changes nothing."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from colonnade.errors import Conflict
from colonnade.training.domain import (
    KINDS,
    Ending,
    Job,
    Output,
    Progress,
    State,
    cancelled,
    concluded,
    lost,
    registering,
    resumed,
    retried,
    seen,
    started,
)
from tests.unit.training.fakes import START, job

LATER = START + timedelta(seconds=5)
MOST_LOST = 2


def running(attempt: int = 1) -> Job:
    return replace(started(job(), LATER), attempt=attempt)


def ended(found: Job, ending: Ending, words: str = "", *, attempt: int = 1) -> Job:
    return concluded(found, attempt, ending, words, LATER, most_lost=MOST_LOST)


def test_a_start_is_an_attempt() -> None:
    first = started(job(), LATER, place="here")
    assert first.place == "here"
    assert (first.state, first.attempt, first.started_at, first.since) == (State.RUNNING, 1, LATER, LATER)
    second = started(ended(first, Ending.NONE), LATER + timedelta(1))
    assert (second.attempt, second.started_at) == (2, LATER)
    with pytest.raises(Conflict, match="running; only a queued"):
        started(second, LATER)


@pytest.mark.parametrize(
    ("ending", "state"),
    [
        (Ending.DONE, State.SUCCEEDED),
        (Ending.REFUSED, State.FAILED),
        (Ending.SICK, State.FAILED),
        (Ending.STOPPED, State.QUEUED),
        (Ending.NONE, State.QUEUED),
    ],
)
def test_how_a_worker_ends_says_what_comes_of_its_job(ending: Ending, state: State) -> None:
    after = ended(running(), ending, "it said so")
    assert after.state is state
    assert "it said so" in after.why
    assert (after.ended_at is not None) == state.ended


@pytest.mark.parametrize("ending", [each for each in Ending if each is not Ending.DONE])
def test_a_job_that_was_cancelled_ends_so_however_its_worker_ends(ending: Ending) -> None:
    stopping = cancelled(running(), LATER, by="acme/eve", why="too dear")
    assert stopping.state is State.STOPPING
    after = ended(stopping, ending, "words")
    assert (after.state, after.why) == (State.CANCELLED, "cancelled by acme/eve: too dear")


def test_a_cancellation_that_comes_too_late() -> None:
    after = ended(cancelled(running(), LATER, by="acme/eve"), Ending.DONE)
    assert (after.state, after.why) == (State.SUCCEEDED, "it was done before it could be stopped")


def test_workers_may_be_lost_a_number_of_times() -> None:
    found = running()
    for attempt in (1, 2):
        found = started(ended(found, Ending.NONE, attempt=attempt), LATER)
        assert found.lost == attempt
    after = ended(found, Ending.NONE, attempt=3)
    assert (after.state, after.lost) == (State.FAILED, 3)
    assert "Resume it" in after.why
    again = resumed(after, LATER, by="acme/eve")
    assert (again.state, again.lost, again.attempt, again.ended_at) == (State.QUEUED, 0, 3, None)


@pytest.mark.parametrize(
    "late",
    [
        lambda found: seen(found, 1, Progress(9, {"loss": 1.0}), LATER),
        lambda found: concluded(found, 1, Ending.DONE, "", LATER, most_lost=MOST_LOST),
        lambda found: lost(found, 1, "gone", LATER, most_lost=MOST_LOST),
    ],
)
def test_what_an_older_attempt_says_changes_nothing(late: Callable[[Job], Job]) -> None:
    second = started(ended(running(), Ending.NONE), LATER)
    assert late(second) == second
    over = ended(second, Ending.DONE, attempt=2)
    assert late(over) == over
    waiting = ended(running(), Ending.NONE)
    assert late(waiting) == waiting


@pytest.mark.parametrize(
    ("found", "act", "words"),
    [
        (job(), "resume", "queued; it begins"),
        (running(), "resume", "running; there is nothing"),
        (cancelled(running(), LATER, by="x/y"), "resume", "stopping; wait"),
        (ended(running(), Ending.DONE), "resume", "succeeded; retry it"),
        (ended(running(), Ending.DONE), "cancel", "succeeded, and there is nothing to cancel"),
        (ended(running(), Ending.SICK), "cancel", "failed, and there is nothing to cancel"),
        (running(), "retry", "running; wait for its end, or cancel it"),
    ],
)
def test_a_refusal_names_the_state_and_the_remedy(found: Job, act: str, words: str) -> None:
    acts: dict[str, Callable[[], Job]] = {
        "resume": lambda: resumed(found, LATER, by="x/y"),
        "cancel": lambda: cancelled(found, LATER, by="x/y"),
        "retry": lambda: retried(found, "job_2", "x/y", LATER),
    }
    with pytest.raises(Conflict, match=words) as refusal:
        acts[act]()
    assert refusal.value.details["state"] == found.state


def test_a_retry_is_a_new_job_of_the_same_tenant() -> None:
    after = retried(ended(running(), Ending.DONE), "job_2", "local/root", LATER)
    assert (after.id, after.tenant, after.by) == ("job_2", "acme", "local/root")
    assert (after.state, after.attempt, after.retry_of) == (State.QUEUED, 0, job().id)


def test_the_last_figures_are_kept_and_only_finite_ones() -> None:
    found = seen(running(), 1, Progress(3, {"loss": 2.0, "rate": 0.1}), LATER)
    found = seen(found, 1, Progress(4, {"loss": math.nan, "norm": math.inf, "speed": 9.0}), LATER)
    assert (found.step, found.metrics) == (4, {"loss": 2.0, "rate": 0.1, "speed": 9.0})
    many = seen(found, 1, Progress(5, {f"m{at}": 1.0 for at in range(1000)}), LATER)
    assert len(many.metrics) == 64


def importing() -> Job:
    return started(job(kind="import"), LATER)


def test_an_import_has_no_worker() -> None:
    found = importing()
    assert (found.state, found.attempt, found.started_at) == (State.PUBLISHING, 1, LATER)
    assert ended(found, Ending.NONE) == found
    stopping = cancelled(found, LATER, by="acme/eve", why="the wrong one")
    assert stopping.state is State.STOPPING
    assert ended(stopping, Ending.DONE) == stopping, "nobody's worker says anything of it"
    assert registering.called_off(stopping, 2, "", LATER) == stopping
    after = registering.called_off(stopping, 1, "its draft stays", LATER)
    assert (after.state, after.why) == (
        State.CANCELLED,
        "cancelled by acme/eve: the wrong one; its draft stays",
    )
    assert registering.called_off(found, 1, "", LATER) == found
    assert cancelled(job(kind="import"), LATER, by="acme/eve").state is State.CANCELLED


def test_how_far_an_import_is() -> None:
    found = registering.fetched(importing(), 1, 0.5, "fetch model.gguf", LATER)
    assert (found.metrics, found.why, found.seen_at) == ({"fraction": 0.5}, "fetch model.gguf", LATER)
    assert registering.fetched(found, 1, 0.5, "fetch model.gguf", LATER + timedelta(1)) == found
    assert registering.fetched(found, 2, 0.9, "late", LATER) == found
    assert registering.fetched(found, 1, math.nan, "", LATER).metrics == {}
    assert registering.fetched(running(), 1, 0.5, "", LATER) == running()


def test_words_have_an_end() -> None:
    assert len(ended(running(), Ending.REFUSED, "x" * 10_000).why) == 2000


class Machine(RuleBasedStateMachine):
    """Everything that may happen to a job of any kind, in any order, told by workers of any attempt."""

    @initialize(kind=st.sampled_from(KINDS), registers=st.booleans())
    def submit(self, kind: str, registers: bool) -> None:
        self.now = START
        found = job(kind=kind)
        output = Output(register=registers or kind == "import", model="bard")
        self.job = replace(found, asked=replace(found.asked, output=output))
        self.before = self.job

    def step(self, after: Job) -> None:
        self.before, self.job = self.job, after

    def tick(self) -> None:
        self.now += timedelta(seconds=1)

    @precondition(lambda self: self.job.state is State.QUEUED)
    @rule()
    def start(self) -> None:
        self.tick()
        self.step(started(self.job, self.now))
        assert self.job.attempt == self.before.attempt + 1

    @rule(ending=st.sampled_from(Ending), back=st.integers(0, 3))
    def worker_ends(self, ending: Ending, back: int) -> None:
        self.tick()
        attempt = self.job.attempt - back
        self.step(concluded(self.job, attempt, ending, "words", self.now, most_lost=MOST_LOST))
        counts = self.before.state.under_way and back == 0 and self.job.asked.has_worker
        assert counts == (self.job != self.before)
        assert not (counts and self.job.state.under_way)

    @rule(back=st.integers(0, 2))
    def give_up(self, back: int) -> None:
        self.tick()
        self.step(lost(self.job, self.job.attempt - back, "gone", self.now, most_lost=MOST_LOST))

    @rule(step=st.integers(-5, 500), back=st.integers(0, 2))
    def progress(self, step: int, back: int) -> None:
        self.tick()
        self.step(seen(self.job, self.job.attempt - back, Progress(step, {"loss": 1.0}), self.now))
        assert self.job.state is self.before.state

    @rule(back=st.integers(0, 2), fails=st.booleans())
    def registry_ends(self, back: int, fails: bool) -> None:
        self.tick()
        act = registering.not_published if fails else registering.published
        self.step(act(self.job, self.job.attempt - back, "words", self.now))
        counts = self.before.state is State.PUBLISHING and back == 0
        assert counts == (self.job != self.before) == (self.job.state.ended and counts)

    @rule(back=st.integers(0, 2), fraction=st.floats())
    def registry_fetches(self, back: int, fraction: float) -> None:
        self.tick()
        self.step(registering.fetched(self.job, self.job.attempt - back, fraction, "words", self.now))
        assert self.job.state is self.before.state
        assert all(map(math.isfinite, self.job.metrics.values()))

    @rule(back=st.integers(0, 2))
    def call_off(self, back: int) -> None:
        self.tick()
        self.step(registering.called_off(self.job, self.job.attempt - back, "", self.now))
        without = self.before.state is State.STOPPING and not self.before.asked.has_worker
        assert (self.job.state is State.CANCELLED) >= (without and back == 0)
        assert (self.job == self.before) == (not without or back > 0)

    @rule()
    def cancel(self) -> None:
        self.tick()
        if self.job.state in (State.SUCCEEDED, State.FAILED):
            with pytest.raises(Conflict):
                cancelled(self.job, self.now, by="x/y")
            self.before = self.job
            return
        self.step(cancelled(self.job, self.now, by="x/y"))
        assert self.job.state in (State.STOPPING, State.CANCELLED)
        assert cancelled(self.job, self.now, by="x/y") == self.job

    @rule()
    def resume(self) -> None:
        self.tick()
        if self.job.state not in (State.FAILED, State.CANCELLED):
            with pytest.raises(Conflict):
                resumed(self.job, self.now, by="x/y")
            self.before = self.job
            return
        self.step(resumed(self.job, self.now, by="x/y"))

    @invariant()
    def a_success_is_final(self) -> None:
        if self.before.state is State.SUCCEEDED:
            assert self.job == self.before

    @invariant()
    def what_has_no_worker_never_runs(self) -> None:
        assert self.job.asked.has_worker or self.job.state is not State.RUNNING
        assert self.job.asked.has_worker or self.job.lost == 0

    @invariant()
    def it_is_whole(self) -> None:
        found = self.job
        assert found.state.ended == (found.ended_at is not None)
        assert not (found.state.ended and found.state.under_way)
        assert (found.attempt == 0) == (found.started_at is None)
        assert not (found.state.under_way and found.attempt == 0)
        assert found.attempt >= self.before.attempt
        assert 0 <= found.lost <= MOST_LOST + 1
        assert (found.lost > MOST_LOST) <= (found.state is State.FAILED)
        assert found.step >= 0

    @invariant()
    def since_is_when_the_state_began(self) -> None:
        if self.job.state is self.before.state:
            assert self.job.since == self.before.since
        else:
            assert self.job.since == self.now


TestMachine = Machine.TestCase
