"""Batches by length: every sample once an epoch, bounded steps, little padding."""

from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.errors import InvalidArgument
from colonnade.learn.data.batches import IGNORE, Sample, TokenBatch, Tokens
from colonnade.learn.data.lengths import LengthLoader, LengthPlan, LengthSettings
from colonnade.learn.data.samples import DocumentSamples
from tests.unit.learn.data.sets import END, write_set

quick = settings(deadline=None, max_examples=40)
lengths = st.lists(st.integers(0, 30), min_size=1, max_size=80)
PAD = 9999


class Numbered:
    """Samples of so many places, each of one token that is its own."""

    def __init__(self, places: list[int], first: int = 0) -> None:
        self.places: Tokens = np.array(places, np.int64)
        self._first = first

    def sample(self, number: int) -> Sample:
        return Sample.whole(np.full(int(self.places[number]) + 1, self._first + number))


def rows_of(batch: TokenBatch) -> list[list[int]]:
    """The targets of each row, without padding; rows without any left out."""
    rows = [row[row != IGNORE].tolist() for row in batch.targets_BT]
    return [row for row in rows if row]


@quick
@given(places=lengths, window=st.integers(1, 100), budget=st.integers(30, 120), key=st.integers(0, 99))
def test_an_epoch_has_each_sample_once_in_steps_that_fit(
    places: list[int], window: int, budget: int, key: int
) -> None:
    plan = LengthPlan(np.array(places), LengthSettings(budget, window), key)
    for epoch in range(3):
        seen: list[int] = []
        step = next(step for step in range(4 * len(places)) if plan.epoch(step) == epoch)
        while plan.epoch(step) < epoch + 1:
            rows = plan.step(step)
            assert rows.size
            assert rows.size * max(places[row] for row in rows) <= budget
            seen += rows.tolist()
            step += 1
        assert sorted(seen) == list(range(len(places)))


@quick
@given(
    places=lengths, steps=st.lists(st.integers(0, 60), min_size=1, max_size=6), world=st.integers(1, 5)
)  # fmt: skip
def test_the_ranks_together_have_what_one_process_has(
    places: list[int], steps: list[int], world: int
) -> None:
    def loader(rank: int, world: int) -> LengthLoader:
        held = {"a": Numbered(places), "b": Numbered(places[::2], 1000)}
        return LengthLoader(held, LengthSettings(60, 16), pad=PAD, seed=1, rank=rank, world=world)

    alone, ranks = loader(0, 1), [loader(rank, world) for rank in range(world)]
    for step in steps:
        together = [row for each in ranks for row in rows_of(each.batch(step))]
        assert together == rows_of(alone.batch(step))
        assert all(each.batch(step).tokens_BT.shape[0] >= 1 for each in ranks)
        assert sum(each.batch(step).learnt for each in ranks) == alone.batch(step).learnt


@quick
@given(places=lengths, start=st.integers(0, 60), count=st.integers(0, 10))
def test_a_stream_resumes_anywhere(places: list[int], start: int, count: int) -> None:
    def loader() -> LengthLoader:
        return LengthLoader({"a": Numbered(places)}, LengthSettings(60, 16), pad=PAD, seed=1)

    with loader().stream(start) as batches:
        for step, batch in enumerate(islice(batches, count), start):
            assert torch.equal(batch.targets_BT, loader().batch(step).targets_BT)


def test_padding_is_a_small_part_of_what_naive_batches_have() -> None:
    rng = np.random.default_rng(0)
    places = rng.lognormal(5, 0.8, 4000).astype(np.int64).clip(1, 2000)
    plan = LengthPlan(places, LengthSettings(16_384), 1)
    naive = places[: 4000 // 32 * 32].reshape(-1, 32)
    padded = 1 - naive.sum() / (naive.max(1) * 32).sum()
    assert padded > 0.5
    assert plan.padding() < 0.15


def test_epochs_are_made_up_differently() -> None:
    plan = LengthPlan(np.arange(200) % 20 + 1, LengthSettings(100, 32), 1)
    steps = next(step for step in range(500) if plan.epoch(step) == 1)
    epochs = [
        Counter(tuple(plan.step(step).tolist()) for step in range(epoch * steps, (epoch + 1) * steps))
        for epoch in (0, 1)
    ]
    assert (epochs[0] & epochs[1]).total() < steps / 4


def test_documents_are_samples(tmp_path: Path) -> None:
    held = write_set(tmp_path, {"a": [[1, 2, 3], [], [4]], "b": [[5]]}).rows("train")
    samples = {name: DocumentSamples(row) for name, row in held.items()}
    loader = LengthLoader(samples, LengthSettings(100), pad=PAD, seed=1)
    batch = loader.batch(0)
    assert loader.sources == ("a", "b")
    assert batch.tokens_BT.tolist()[-1] == [1, 2, 3]
    assert batch.targets_BT.tolist()[-1] == [2, 3, END]
    found = sorted(zip(batch.sources_B.tolist(), batch.tokens_BT[:, 0].tolist(), strict=True))
    assert found == [(0, 1), (0, 4), (0, PAD), (1, 5)]


def test_what_cannot_be_batched_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="a sample has 31 places, a step at most 30"):
        LengthPlan(np.array([3, 31]), LengthSettings(30), 1)
    with pytest.raises(InvalidArgument, match="no sample"):
        LengthLoader({}, LengthSettings(30), pad=PAD, seed=1)
    with pytest.raises(InvalidArgument, match="rank 2 is outside a world of 2"):
        LengthLoader({"a": Numbered([1])}, LengthSettings(30), pad=PAD, seed=1, rank=2, world=2)
    with pytest.raises(InvalidArgument, match="no step -1"):
        LengthPlan(np.array([3]), LengthSettings(30), 1).step(-1)
