import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from colonnade.engine.kernels import attention
from colonnade.engine.kernels.attention import PAGE, Layout, paged_attention, reference
from colonnade.engine.kernels.native import library
from tests.unit.engine.kernels.ragged import Case, case

SPANS = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 70), st.booleans()), min_size=1, max_size=4)
HEADS = st.sampled_from([(1, 1), (6, 2), (9, 3), (4, 4), (8, 1)])
WIDTHS = st.sampled_from([3, 8, 16, 20, 24, 64])
DTYPES = st.sampled_from([torch.float32, torch.float16, torch.bfloat16])
WINDOWS = st.none() | st.integers(1, 90)
SCALE = 0.3

pytestmark = pytest.mark.skipif(library() is None, reason="no C++ compiler")


def attend(case: Case) -> Tensor:
    return paged_attention(
        case.q_NHd, case.k_NKd, case.v_NKd, case.pages, case.layout, scale=SCALE, window=case.window
    )


def by_reference(case: Case) -> Tensor:
    return reference(
        case.q_NHd, case.k_NKd, case.v_NKd, case.pages, case.layout, scale=SCALE, window=case.window
    )


def same_bits(a: Tensor, b: Tensor) -> bool:
    return torch.equal(a.contiguous().view(torch.uint8), b.contiguous().view(torch.uint8))


@settings(max_examples=60)
@given(SPANS, HEADS, WIDTHS, DTYPES, WINDOWS, st.integers(0, 99))
@example([(1, 700, True)], (9, 3), 64, torch.float32, None, 1)  # a long decode, in chunks
@example([(1, 600, True), (3, 513, True)], (6, 2), 16, torch.float16, 300, 2)
@example([(300, 250, True)], (9, 3), 64, torch.bfloat16, 200, 3)
def test_native_is_the_reference(
    spans: list[tuple[int, int, bool]],
    heads: tuple[int, int],
    width: int,
    dtype: torch.dtype,
    window: int | None,
    seed: int,
) -> None:
    native = case(spans, heads=heads, width=width, dtype=dtype, window=window, seed=seed)
    plain = native.fresh()
    got, wanted = attend(native), by_reference(_without_nan(plain))
    torch.testing.assert_close(got, wanted, rtol=2e-5, atol=2e-5)
    assert same_bits(native.pages.nan_to_num(), plain.pages.nan_to_num()), "the same is written"


def _without_nan(case: Case) -> Case:
    """Torch multiplies what a mask hides, so hidden slots must be finite for it. Shares no memory."""
    case.pages.nan_to_num_(0.0)
    return case


@given(SPANS, WINDOWS, st.integers(0, 99))
@settings(max_examples=30)
def test_what_no_row_sees_never_leaks(
    spans: list[tuple[int, int, bool]], window: int | None, seed: int
) -> None:
    made = case(spans, window=window, seed=seed)
    assert made.pages.isnan().any()
    assert attend(made).isfinite().all()


def test_a_later_token_that_is_not_a_number_leaves_earlier_ones_alone() -> None:
    made = case([(20, 5, True)])
    made.k_NKd[11], made.v_NKd[11] = float("nan"), float("nan")
    rows = attend(made)
    assert rows[:11].isfinite().all()
    assert rows[11:].isnan().all()


@settings(max_examples=30)
@given(SPANS, HEADS, DTYPES, WINDOWS, st.integers(0, 99))
@example([(1, 900, True), (1, 30, True), (64, 200, True)], (9, 3), torch.float32, None, 5)
def test_a_span_gets_the_same_bits_in_any_batch(
    spans: list[tuple[int, int, bool]],
    heads: tuple[int, int],
    dtype: torch.dtype,
    window: int | None,
    seed: int,
) -> None:
    made = case(spans, heads=heads, dtype=dtype, window=window, seed=seed)
    alone = [attend(made.only(index)) for index in range(len(spans))]
    assert same_bits(attend(made.fresh()), torch.cat(alone))


@settings(max_examples=30)
@given(st.integers(2, 400), st.lists(st.integers(1, 399), max_size=5), DTYPES, WINDOWS)
@example(330, list(range(300, 330)), torch.float32, None)
def test_a_prompt_gets_the_same_bits_however_it_is_cut(
    length: int, cuts: list[int], dtype: torch.dtype, window: int | None
) -> None:
    whole = case([(length, 0, True)], dtype=dtype, window=window)
    parts = whole.fresh()
    edges = sorted({0, length, *(cut for cut in cuts if cut < length)})
    outs = []
    for start, end in itertools.pairwise(edges):
        layout = Layout([end - start], [start], [True], parts.layout.table_SB)
        rows = slice(start, end)
        part = replace(
            parts, q_NHd=parts.q_NHd[rows], k_NKd=parts.k_NKd[rows], v_NKd=parts.v_NKd[rows], layout=layout
        )
        outs.append(attend(part))
    assert same_bits(attend(whole), torch.cat(outs))
    assert same_bits(whole.pages, parts.pages)


def test_the_number_of_threads_changes_no_bit() -> None:
    made = case([(1, 2000, True), (130, 300, True), (9, 0, False)], heads=(9, 3), width=64)
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(attend(made.fresh()))
    finally:
        torch.set_num_threads(before)
    assert same_bits(results[0], results[1])
    assert same_bits(results[0], results[2])


def test_parts_of_wider_rows_are_read_where_they_lie() -> None:
    made = case([(7, 20, True), (1, 3, True)], heads=(6, 2))
    merged = torch.cat((made.q_NHd, made.k_NKd, made.v_NKd), dim=1)
    q, k, v = merged[:, :6], merged[:, 6:8], merged[:, 8:]
    assert not k.is_contiguous()
    assert same_bits(attend(replace(made.fresh(), q_NHd=q, k_NKd=k, v_NKd=v)), attend(made))


def test_half_precision_activations_come_back_as_such() -> None:
    made = case([(5, 10, True)], dtype=torch.bfloat16)
    half = replace(
        made.fresh(), q_NHd=made.q_NHd.bfloat16(), k_NKd=made.k_NKd.bfloat16(), v_NKd=made.v_NKd.bfloat16()
    )
    got = attend(half)
    assert got.dtype == torch.bfloat16
    torch.testing.assert_close(got.float(), attend(made), rtol=0.05, atol=0.05)


@pytest.mark.parametrize("path", [attend, by_reference], ids=["native", "reference"])
def test_what_half_precision_cannot_hold_becomes_its_largest(path: Callable[[Case], Tensor]) -> None:
    made = case([(2, 0, True)], dtype=torch.float16)
    made.v_NKd[:] = 1e9
    made.v_NKd[1] = -1e9
    got = path(made)
    assert got[0].eq(65504).all()
    assert got.isfinite().all()


def test_without_a_library_the_reference_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    made = case([(4, PAGE, True)])
    native = attend(made.fresh())
    monkeypatch.setattr(attention, "library", lambda: None)
    torch.testing.assert_close(attend(_without_nan(made)), native, rtol=1e-5, atol=1e-5)
