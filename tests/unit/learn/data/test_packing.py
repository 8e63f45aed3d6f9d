"""Rows hold every token of a source, each learnt once an epoch."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.errors import InvalidArgument
from colonnade.learn.data.batches import Sample
from colonnade.learn.data.documents import DocumentRows, best_fit, pieces_of
from colonnade.learn.data.packing import Rows, StreamRows
from colonnade.learn.data.token_set import TokenRow
from tests.unit.learn.data.sets import END, write_set

quick = settings(deadline=None, max_examples=25)


def numbered(sizes: list[int], folder: Path, shard: int = 50) -> TokenRow:
    """Documents of so many tokens beside their end, all of them different."""
    first = 1 + np.cumsum([0, *sizes])
    documents = [list(range(start, start + size)) for start, size in zip(first, sizes, strict=False)]
    return write_set(folder, {"a": documents}, vocabulary=1 << 20, shard_tokens=shard).rows("train")["a"]


def learnt(sample: Sample) -> list[int]:
    targets: list[int] = sample.tokens[1:][sample.learnt[1:]].tolist()
    return targets


def epoch_of(rows: Rows, epoch: int) -> list[Sample]:
    return [rows.draw(index) for index in range(epoch * rows.count, (epoch + 1) * rows.count)]


sizes = st.lists(st.integers(0, 40), max_size=60)


@quick
@given(sizes=sizes, length=st.integers(1, 20))
def test_a_stream_is_cut_without_gaps(
    sizes: list[int], length: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    held = numbered(sizes, tmp_path_factory.mktemp("set"))
    rows = StreamRows(held, length, key=1)
    targets = [token for number in range(rows.count) for token in learnt(rows.row(number))]
    flat = held.read(0, held.tokens).tolist()
    assert targets == flat[1 : 1 + rows.count * length]
    assert len(flat) - 1 - len(targets) < length or not flat


@quick
@given(sizes=sizes, length=st.integers(2, 20), window=st.integers(1, 20))
def test_packed_documents_are_learnt_whole_and_once(
    sizes: list[int], length: int, window: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    held = numbered(sizes, tmp_path_factory.mktemp("set"))
    rows = DocumentRows(held, length, 1, end_of_text=END, window=window)
    packed = [rows.row(number) for number in range(rows.count)]
    assert all(sample.tokens.size == length + 1 and sample.tokens[0] == END for sample in packed)
    targets = sorted(token for sample in packed for token in learnt(sample))
    assert targets == sorted(held.read(0, held.tokens).tolist())
    for sample in packed:
        for place in np.flatnonzero(sample.learnt):
            before, token = sample.tokens[place - 1], sample.tokens[place]
            assert token in (END, before + 1) or before == END  # its own document's, or a document's first


@quick
@given(sizes=sizes, length=st.integers(2, 20), packed=st.booleans(), epoch=st.integers(0, 5))
def test_every_row_comes_once_an_epoch(
    sizes: list[int], length: int, packed: bool, epoch: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    held = numbered(sizes, tmp_path_factory.mktemp("set"))
    rows: Rows = StreamRows(held, length, 1)
    if packed:
        rows = DocumentRows(held, length, 1, end_of_text=END, window=2)
    came = sorted(sample.tokens.tolist() for sample in epoch_of(rows, epoch))
    assert came == sorted(rows.row(number).tokens.tolist() for number in range(rows.count))


@pytest.mark.parametrize("packed", [False, True])
def test_epochs_and_keys_have_orders_of_their_own(tmp_path: Path, packed: bool) -> None:
    held = numbered([9] * 200, tmp_path, shard=500)

    def order(key: int, epoch: int) -> tuple[int, ...]:
        rows = DocumentRows(held, 10, key, end_of_text=END, window=4) if packed else StreamRows(held, 10, key)
        return tuple(int(sample.tokens[1]) for sample in epoch_of(rows, epoch))

    orders = {order(key, epoch) for key in (1, 2) for epoch in (0, 1, 2)}
    assert len(orders) == 6
    assert order(1, 2) == order(1, 2)
    assert len({tuple(sorted(each)) for each in orders}) == 1


@quick
@given(size=st.integers(1, 100), room=st.integers(2, 20))
def test_a_long_document_is_cut_with_one_token_of_overlap(size: int, room: int) -> None:
    pieces = pieces_of(5, size, room)
    assert all(1 <= piece.size <= room for piece in pieces)
    new = [at for piece in pieces for at in range(piece.start + piece.repeats, piece.start + piece.size)]
    assert new == list(range(5, 5 + size))
    assert [piece.repeats for piece in pieces] == [False] + [True] * (len(pieces) - 1)


@quick
@given(sizes=st.lists(st.integers(1, 30), max_size=80))
def test_bins_are_not_overfull_and_nearly_as_few_as_can_be(sizes: list[int]) -> None:
    bins = best_fit(sizes, 30)
    assert sorted(number for each in bins for number in each) == list(range(len(sizes)))
    assert all(sum(sizes[number] for number in each) <= 30 for each in bins)
    small = [size for size in sizes if size <= 15]  # all their bins but one are filled to two thirds
    assert len(bins) <= len(sizes) - len(small) + 1.5 * sum(small) / 30 + 1


def test_best_fit_pads_little_and_less_than_a_document_a_row(tmp_path: Path) -> None:
    sizes = np.random.default_rng(0).exponential(25, 500).astype(int).tolist()
    held = numbered(sizes, tmp_path, shard=4000)
    rows = DocumentRows(held, 64, 1, end_of_text=END)
    alone = held.tokens / (64 * held.documents)
    assert alone < 0.5
    assert rows.fill > 0.98


def test_documents_need_two_tokens_a_row(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="tokens must be 2 or more"):
        DocumentRows(numbered([3], tmp_path), 1, 1, end_of_text=END)
