"""A batch is a function of the step: of nothing that was read before, and of no number of ranks."""

import threading
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.errors import InvalidArgument
from colonnade.learn.data.card import Damaged
from colonnade.learn.data.loader import IGNORE, Loader, LoaderSettings, TokenBatch
from colonnade.learn.data.token_set import TokenSet
from tests.unit.learn.data.sets import END, write_set

VOCABULARY = 1 << 17
quick = settings(deadline=None, max_examples=20)
packings = st.sampled_from(["stream", "documents"])


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> TokenSet:
    """Three sources whose tokens say where they come from: no token is there twice, but for the ends."""
    sources = {
        name: [[base + 31 * i + j for j in range(1 + (i * 7) % 31)] for i in range(count)]
        for name, base, count in (("wiki", 1, 90), ("code", 10_000, 40), ("talk", 20_000, 15))
    }
    return write_set(tmp_path_factory.mktemp("set"), sources, vocabulary=VOCABULARY, shard_tokens=200)


def loader_of(held: TokenSet, seed: int = 1, rank: int = 0, world: int = 1, **said: Any) -> Loader:
    settings = LoaderSettings(**{"tokens": 16, "rows": 12} | said)
    return Loader(held.rows("train"), settings, end_of_text=END, seed=seed, rank=rank, world=world)


def same(one: TokenBatch, other: TokenBatch) -> bool:
    return all(
        torch.equal(getattr(one, name), getattr(other, name))
        for name in ("tokens_BT", "targets_BT", "sources_B")
    )


@quick
@given(
    step=st.integers(0, 10**9), world=st.integers(1, 12), packing=packings,
    mixture=st.sampled_from([{}, {"wiki": 1, "code": 3.5}, {"talk": 1}]),
)  # fmt: skip
def test_the_ranks_together_have_what_one_process_has(
    held: TokenSet, step: int, world: int, packing: str, mixture: dict[str, float]
) -> None:
    alone = loader_of(held, packing=packing, mixture=mixture).batch(step)
    parts = [
        loader_of(held, rank=rank, world=world, packing=packing, mixture=mixture).batch(step)
        for rank in range(world)
    ]
    together = TokenBatch(
        *(
            torch.cat([getattr(part, name) for part in parts])
            for name in ("tokens_BT", "targets_BT", "sources_B")
        )
    )
    assert same(together, alone)
    assert alone.tokens_BT.shape == alone.targets_BT.shape == (12, 16)
    assert alone.tokens_BT.dtype == alone.targets_BT.dtype == alone.sources_B.dtype == torch.int64


@quick
@given(steps=st.lists(st.integers(0, 200), min_size=1, max_size=20), packing=packings)
def test_a_batch_does_not_depend_on_what_was_read_before(
    held: TokenSet, steps: list[int], packing: str
) -> None:
    loader = loader_of(held, packing=packing)
    read = [loader.batch(step) for step in steps]
    for step, batch in zip(steps, read, strict=True):
        assert same(batch, loader_of(held, packing=packing).batch(step))


@quick
@given(start=st.integers(0, 100), count=st.integers(0, 12), ahead=st.integers(1, 4))
def test_a_stream_resumes_anywhere(held: TokenSet, start: int, count: int, ahead: int) -> None:
    loader = loader_of(held, ahead=ahead)
    with loader.stream(start) as batches:
        for step, batch in enumerate(islice(batches, count), start):
            assert same(batch, loader.batch(step))
    assert all(thread.name != "read-ahead" for thread in threading.enumerate())


@pytest.mark.parametrize("packing", ["stream", "documents"])
def test_no_row_is_lost_or_doubled_in_an_epoch(held: TokenSet, packing: str) -> None:
    """Batches of one row, so that epochs end between them."""
    loader = loader_of(held, packing=packing, mixture={"code": 2}, rows=1)
    count = loader.rows["code"]
    for epoch in (0, 1, 4):
        rows = Counter(
            tuple(loader.batch(step).targets_BT[0].tolist())
            for step in range(epoch * count, (epoch + 1) * count)
        )
        assert len(rows) == count
        assert set(rows.values()) == {1}
    assert loader.epoch(count) == 1
    assert loader.epochs(3 * count) == {"code": 3}


def test_without_a_mixture_every_source_is_through_at_the_same_time(held: TokenSet) -> None:
    loader = loader_of(held)
    steps = sum(loader.rows.values()) // 12
    assert all(abs(epochs - 1) < 0.1 for epochs in loader.epochs(steps).values())


def test_sources_are_drawn_by_weight_and_named_by_their_index(held: TokenSet) -> None:
    loader = loader_of(held, mixture={"talk": 1, "code": 2, "wiki": 0})
    assert loader.sources == ("code", "talk")
    drawn: Counter[str] = Counter()
    for step in range(50):
        batch = loader.batch(step)
        for source, row in zip(batch.sources_B.tolist(), batch.tokens_BT, strict=True):
            drawn[loader.sources[source]] += 1
            low = 10_000 if loader.sources[source] == "code" else 20_000
            assert all(token == END or low <= token < low + 10_000 for token in row.tolist())
    assert drawn == {"code": 400, "talk": 200}


def test_targets_are_the_tokens_that_follow(held: TokenSet) -> None:
    batch = loader_of(held).batch(7)
    assert torch.equal(batch.targets_BT[:, :-1], batch.tokens_BT[:, 1:])
    assert batch.learnt == 12 * 16


def test_padding_and_what_was_learnt_before_are_no_targets(held: TokenSet) -> None:
    batches = list(loader_of(held, packing="documents", tokens=25).whole())
    ignored = torch.cat([batch.targets_BT for batch in batches]) == IGNORE
    assert 0 < int(ignored.sum()) < ignored.numel() / 5
    learnt = sum(batch.learnt for batch in batches)
    assert learnt == int((~ignored).sum()) == sum(row.tokens for row in held.rows("train").values())


@pytest.mark.parametrize("packing", ["stream", "documents"])
@pytest.mark.parametrize("world", [1, 3, 5])
def test_the_whole_split_is_seen_once(held: TokenSet, packing: str, world: int) -> None:
    loaders = [loader_of(held, rank=rank, world=world, packing=packing) for rank in range(world)]
    every = [list(loader.whole()) for loader in loaders]
    assert len({len(batches) for batches in every}) == 1, "all ranks have as many batches"
    seen = Counter(
        tuple(row.tolist())
        for batches in every
        for batch in batches
        for row in batch.targets_BT
        if (row != IGNORE).any()
    )
    assert seen.total() == sum(loaders[0].rows.values())
    assert set(seen.values()) == {1}
    first = list(loaders[0].whole(3))
    assert len(first) == 3
    assert all(same(one, other) for one, other in zip(first, loaders[0].whole(), strict=False))


def test_seeds_differ(held: TokenSet) -> None:
    assert not same(loader_of(held, seed=1).batch(0), loader_of(held, seed=2).batch(0))


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ({"mixture": {"wiki": 1, "web": 1}}, "mixture names web; the token set has wiki, code, talk"),
        ({"mixture": {"wiki": 0}}, "at least one source needs a weight above 0"),
        ({"mixture": {"wiki": -1}}, "a weight is 0 or more"),
        ({"mixture": {"wiki": 1, "talk": 1}, "tokens": 500}, r"mixture\.talk: the source has too few tokens"),
        ({"tokens": 5000}, "no source has enough tokens for a row of 5000"),
        ({"tokens": 0}, "tokens must be 1 or more"),
        ({"rows": 0}, "rows must be 1 or more"),
        ({"rank": 2, "world": 2}, "rank 2 is outside a world of 2"),
    ],
)
def test_what_does_not_fit_is_refused(held: TokenSet, said: dict[str, Any], what: str) -> None:
    with pytest.raises(InvalidArgument, match=what):
        loader_of(held, **said)


def test_a_rank_without_a_row_has_nothing_to_learn(held: TokenSet) -> None:
    batches = [loader_of(held, rows=2, rank=rank, world=3).batch(4) for rank in range(3)]
    assert [batch.learnt for batch in batches] == [0, 16, 16]
    assert batches[0].tokens_BT.shape == (1, 1)


def test_there_is_no_step_before_the_first(held: TokenSet) -> None:
    with pytest.raises(InvalidArgument, match="there is no step -1"):
        loader_of(held).batch(-1)


def test_a_file_that_goes_away_ends_the_stream_with_its_name(tmp_path: Path) -> None:
    loader = loader_of(write_set(tmp_path, {"a": [[1] * 20] * 20}), tokens=8, rows=2)
    with loader.stream(0) as batches:
        next(batches)
        for path in (tmp_path / "train/a").iterdir():
            path.unlink()
        with pytest.raises(Damaged, match=r"train/a/\d+\.tokens is missing"):
            list(islice(batches, 100))
    assert all(thread.name != "read-ahead" for thread in threading.enumerate())
