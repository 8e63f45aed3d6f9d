"""The native low-rank kernel against torch, and each row against itself alone."""

from collections.abc import Sequence

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from colonnade.engine.kernels import low_rank
from colonnade.engine.kernels.low_rank import added_natively
from colonnade.engine.kernels.native import library
from colonnade.models.adapters.bank import Acting, Rows, plain
from colonnade.models.layers.lora import LowRank

needs_native = pytest.mark.skipif(library() is None, reason="no C++ compiler")


def acting_on(
    pieces: Sequence[Sequence[tuple[int, int]]], ranks: Sequence[int], inputs: int, outputs: int
) -> Acting:
    return [
        (Rows.of(places, torch.device("cpu")), LowRank(torch.randn(rank, inputs), torch.randn(rank, outputs)))
        for places, rank in zip(pieces, ranks, strict=True)
    ]


def after(acting: Acting, x: Tensor, y: Tensor, *, native: bool = True) -> Tensor:
    found = y.clone()
    (added_natively if native else plain)(acting)(x, found)
    return found


@needs_native
@settings(max_examples=60)
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    owners=st.lists(st.integers(-1, 2), min_size=6, max_size=6),
    ranks=st.tuples(*[st.integers(1, 21)] * 3),
    inputs=st.integers(1, 70),
    outputs=st.integers(1, 140),
    threads=st.integers(1, 3),
)
def test_is_the_equation_on_the_rows_it_acts_on_and_on_no_other(
    lengths: list[int],
    owners: list[int],
    ranks: tuple[int, int, int],
    inputs: int,
    outputs: int,
    threads: int,
) -> None:
    ends = [sum(lengths[: number + 1]) for number in range(len(lengths))]
    spans = [(end - length, end, owner) for length, end, owner in zip(lengths, ends, owners, strict=False)]
    used = sorted({owner for _, _, owner in spans if owner >= 0})
    assume(used)
    pieces = [[(start, end) for start, end, owner in spans if owner == each] for each in used]
    acting = acting_on(pieces, [ranks[each] for each in used], inputs, outputs)
    x, y = torch.randn(ends[-1], inputs), torch.randn(ends[-1], outputs)
    torch.set_num_threads(threads)
    try:
        found = after(acting, x, y)
    finally:
        torch.set_num_threads(1)
    torch.testing.assert_close(found, after(acting, x, y, native=False), rtol=1e-4, atol=1e-4)
    for start, end, owner in spans:
        if owner < 0:
            assert torch.equal(found[start:end], y[start:end])


@needs_native
@pytest.mark.parametrize(("inputs", "outputs", "rank"), [(576, 192, 16), (33, 45, 3), (64, 577, 8)])
def test_a_rows_result_has_the_same_bits_in_any_company(inputs: int, outputs: int, rank: int) -> None:
    rows = 11
    acting = acting_on([[(0, rows)]], [rank], inputs, outputs)
    x, y = torch.randn(rows, inputs), torch.randn(rows, outputs)
    together = after(acting, x, y)
    for row in range(rows):
        alone = [(Rows.of([(0, 1)], x.device), acting[0][1])]
        assert torch.equal(after(alone, x[row : row + 1], y[row : row + 1])[0], together[row])


@needs_native
def test_many_rows_are_shared_among_threads_without_a_trace() -> None:
    acting = acting_on([[(0, 30), (50, 64)], [(30, 50)]], [16, 8], 576, 576)
    x, y = torch.randn(64, 576), torch.randn(64, 576)
    alone = after(acting, x, y)
    torch.set_num_threads(3)
    try:
        assert torch.equal(after(acting, x, y), alone)
    finally:
        torch.set_num_threads(1)


@needs_native
def test_columns_of_a_wider_output() -> None:
    acting = acting_on([[(0, 5)]], [4], 16, 24)
    x, wide = torch.randn(5, 40)[:, 3:19], torch.randn(5, 64)
    before = wide.clone()
    added_natively(acting)(x, wide[:, 8:32])
    torch.testing.assert_close(wide[:, 8:32], after(acting, x, before[:, 8:32], native=False))
    assert torch.equal(wide[:, :8], before[:, :8])
    assert torch.equal(wide[:, 32:], before[:, 32:])


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_torch_computes_what_the_kernel_cannot(dtype: torch.dtype) -> None:
    part = LowRank(torch.randn(2, 8).to(dtype), torch.randn(2, 6).to(dtype))
    acting = [(Rows.of([(1, 3)], torch.device("cpu")), part)]
    x, y = torch.randn(4, 8).to(dtype), torch.randn(4, 6).to(dtype)
    assert torch.equal(after(acting, x, y), after(acting, x, y, native=False))


def test_without_a_compiler_torch_computes_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(low_rank, "library", lambda: None)
    acting = acting_on([[(0, 3)]], [2], 8, 6)
    x, y = torch.randn(3, 8), torch.randn(3, 6)
    assert torch.equal(after(acting, x, y), after(acting, x, y, native=False))
