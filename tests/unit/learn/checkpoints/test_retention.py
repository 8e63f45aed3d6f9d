import fcntl
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from colonnade.errors import InvalidArgument
from colonnade.learn.checkpoints import Best, CheckpointManager, Entry, Retention
from colonnade.learn.checkpoints.catalogue import steps
from colonnade.learn.checkpoints.compatibility import DOCUMENT
from tests.unit.learn.checkpoints.making import hidden, place, same, snapshot


def entries(*losses: float | None) -> list[Entry]:
    """Of the steps 0, 1, 2 ..."""
    return [
        Entry(step, 0.0, 0, {} if loss is None else {"validation": {"loss": loss}})
        for step, loss in enumerate(losses)
    ]


def test_the_last_stay() -> None:
    assert Retention(keep_last=2).kept(entries(*[None] * 5)) == {3, 4}
    assert Retention(keep_last=9).kept(entries(None, None)) == {0, 1}
    assert Retention().kept([]) == set()


def test_every_so_many_stay() -> None:
    assert Retention(keep_last=1, keep_every=4).kept(entries(*[None] * 10)) == {0, 4, 8, 9}


@pytest.mark.parametrize(("goal", "kept"), [("min", {1, 4}), ("max", {0, 4})])
def test_the_best_stays(goal: Any, kept: set[int]) -> None:
    rule = Retention(keep_last=1, best=Best("validation.loss", goal))
    assert rule.kept(entries(3.0, 1.0, 2.0, 1.0, None)) == kept


def test_several_of_the_best_stay() -> None:
    rule = Retention(keep_last=1, best=Best(), keep_best=2)
    assert rule.kept(entries(3.0, 1.0, 2.0, 5.0, 4.0)) == {1, 2, 4}


@pytest.mark.parametrize(
    "metrics", [{}, {"validation": 1.0}, {"validation": {"loss": "low"}}, {"validation": {"loss": True}}]
)
def test_what_is_no_number_is_not_measured(metrics: dict[str, Any]) -> None:
    assert Best("validation.loss").value(metrics) is None


def test_a_whole_number_is_a_measure() -> None:
    assert Best("tokens", "max").value({"tokens": 7}) == 7


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Retention(keep_last=0), "keep_last"),
        (lambda: Retention(keep_every=0), "keep_every"),
        (lambda: Retention(keep_best=0), "keep_best"),
        (lambda: Best(""), "metric"),
        (lambda: Best("loss", "lowest"), "goal"),  # type: ignore[arg-type]
    ],
)
def test_rules_that_make_no_sense_are_refused(make: Any, field: str) -> None:
    with pytest.raises(InvalidArgument, match=field):
        make()


LOSSES = st.none() | st.floats(0, 9, allow_nan=False).map(lambda loss: round(loss, 1))
RULES = st.builds(
    Retention,
    keep_last=st.integers(1, 3),
    keep_every=st.none() | st.integers(1, 5),
    best=st.none() | st.builds(Best, st.just("validation.loss"), st.sampled_from(["min", "max"])),
    keep_best=st.integers(1, 2),
)


@given(RULES, st.lists(LOSSES, min_size=1, max_size=12))
def test_what_stays_is_there_and_the_newest_among_it(rule: Retention, losses: list[float | None]) -> None:
    kept = rule.kept(entries(*losses))
    assert kept <= set(range(len(losses)))
    assert len(losses) - 1 in kept
    assert len(kept) >= min(rule.keep_last, len(losses))
    assert rule.kept([entry for entry in entries(*losses) if entry.step in kept]) == kept


class Run(RuleBasedStateMachine):
    """A run folder that is written to, gone back in, damaged, read and opened anew, against a plain model."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="colonnade-"))
        self.rule = Retention(keep_last=2, keep_every=5, best=Best(), keep_best=1)
        self.there: dict[int, float | None] = {}
        """The whole ones, with their loss."""
        self.broken: set[int] = set()
        """Damaged, and found to be."""
        self.readers = ExitStack()
        self.read: set[int] = set()
        self.saved = 0
        self.checkpoints = CheckpointManager(self.root, retention=self.rule)

    @rule(ahead=st.integers(1, 3), loss=LOSSES)
    def save(self, ahead: int, loss: float | None) -> None:
        self._save(max(self.there | dict.fromkeys(self.broken), default=0) + ahead, loss)

    @precondition(lambda self: self.there)
    @rule(data=st.data(), loss=LOSSES)
    def save_in_between(self, data: st.DataObject, loss: float | None) -> None:
        """As after going on from an older one: in the place of what nobody reads, or beside it."""
        step = data.draw(st.integers(1, max(self.there)))
        if step not in self.read:
            self._save(step, loss)

    def _save(self, step: int, loss: float | None) -> None:
        self.checkpoints.save(snapshot(step, loss=loss), wait=True)
        self.there[step], self.saved = loss, step
        self.broken.discard(step)
        seen = [
            Entry(each, 0.0, 0, {} if loss is None else {"validation": {"loss": loss}})
            for each, loss in sorted(self.there.items())
        ]
        kept = self.rule.kept(seen) | {step} | self.read
        self.there = {each: loss for each, loss in self.there.items() if each in kept}

    @precondition(lambda self: self.there)
    @rule(data=st.data())
    def damage(self, data: st.DataObject) -> None:
        step = data.draw(st.sampled_from(sorted(self.there)))
        if step in self.read:
            return
        path = place(self.root, step) / "tensors-00001.safetensors"
        path.write_bytes(path.read_bytes()[:-3])
        del self.there[step]
        self.broken.add(step)

    @precondition(lambda self: self.there)
    @rule(data=st.data())
    def begin_to_read(self, data: st.DataObject) -> None:
        step = data.draw(st.sampled_from(sorted(self.there)))
        file = self.readers.enter_context((place(self.root, step) / DOCUMENT).open("rb"))
        fcntl.flock(file, fcntl.LOCK_SH)
        self.read.add(step)

    @rule()
    def end_reading(self) -> None:
        self.readers.close()
        self.read = set()

    @precondition(lambda self: self.there and not self.read)
    @rule(data=st.data())
    def go_back(self, data: st.DataObject) -> None:
        step = data.draw(st.sampled_from(sorted(self.there)))
        self.checkpoints.forget_after(step)
        self.there = {each: loss for each, loss in self.there.items() if each <= step}
        self.broken = {each for each in self.broken if each <= step}

    @rule()
    def open_anew(self) -> None:
        self.checkpoints.close()
        self.checkpoints = CheckpointManager(self.root, retention=self.rule)

    @invariant()
    def all_that_should_be_there_is_whole(self) -> None:
        assert steps(self.root) == sorted(self.there | dict.fromkeys(self.broken))
        for step, loss in self.there.items():
            assert same(self.checkpoints.load(step), snapshot(step, loss=loss))

    @invariant()
    def the_latest_is_the_newest_whole_one(self) -> None:
        told: list[str] = []
        found = self.checkpoints.latest(told.append)
        newest = max(self.there, default=None)
        assert (found and found.step) == newest
        assert len(told) == sum(step > (newest or 0) for step in self.broken)

    @invariant()
    def nothing_is_left_over(self) -> None:
        assert hidden(self.root) == []

    def teardown(self) -> None:
        self.readers.close()
        self.checkpoints.close()
        shutil.rmtree(self.root)


TestRun = Run.TestCase
TestRun.settings = settings(max_examples=30, stateful_step_count=15, deadline=None)
