"""Suspicion from one engine's death to the next one's verdict, with a core stepped by hand."""

from collections.abc import Sequence as Row
from pathlib import Path

import pytest
import torch

from colonnade.engine.core import Core
from colonnade.engine.faults import FaultWatch
from colonnade.engine.scheduler import Limits
from colonnade.engine.sequence import Sequence, Work
from colonnade.errors import InvalidArgument
from tests.unit.engine.toys.loaded import runtime

POISON, INNOCENT = [7, 7, 7], [1, 2, 3]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


class _Died(BaseException):
    """Ends the engine: nothing of it runs any more."""


class Life:
    """One engine process, from its start to its end."""

    def __init__(self, folder: Path) -> None:
        self.watch = FaultWatch(folder, capacity=8, refusal_seconds=60)
        self.core = Core(Limits(), witness=self._forward)
        self.batches: list[int] = []
        self._runtime = runtime()

    def ask(self, tokens: list[int]) -> Sequence:
        sequence = Sequence(Work("request", "tenant", tokens, 3), self._runtime, 0.0)
        self.watch.judge(sequence)
        self.core.submit(sequence)
        return sequence

    def run(self) -> bool:
        """Until all have ended, or the engine has: whether it lives."""
        try:
            while self.core.load().running or self.core.load().waiting:
                for update in self.core.step():
                    self.watch.ended(update)
        except _Died:
            return False
        return True

    def _forward(self, sequences: Row[Sequence]) -> None:
        self.watch.forward(sequences)
        if sequences:
            self.batches.append(len(sequences))
        if any(each.tokens[:3] == POISON for each in sequences):
            raise _Died


def test_the_poison_is_found_and_its_neighbours_come_through(tmp_path: Path) -> None:
    first = Life(tmp_path)
    first.ask(INNOCENT)
    first.ask(POISON)
    assert not first.run()
    assert first.batches == [2]

    second = Life(tmp_path)
    assert second.ask(INNOCENT).exclusive
    assert second.ask(POISON).exclusive
    assert not second.ask([4, 5]).exclusive
    assert not second.run()

    third = Life(tmp_path)
    third.ask(INNOCENT)
    with pytest.raises(InvalidArgument, match="died 2 times"):
        third.ask(POISON)
    assert third.run()
    assert not Life(tmp_path).ask(INNOCENT).exclusive


def test_a_death_between_forwards_accuses_nobody(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.ask(INNOCENT)
    life.core.step()
    assert not Life(tmp_path).ask(INNOCENT).exclusive


def test_who_leaves_early_stays_a_suspect(tmp_path: Path) -> None:
    first = Life(tmp_path)
    first.ask(INNOCENT)
    first.ask(POISON)
    first.run()
    second = Life(tmp_path)
    second.core.abort(second.ask(INNOCENT))
    assert second.run()
    assert Life(tmp_path).ask(INNOCENT).exclusive
