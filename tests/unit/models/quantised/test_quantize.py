"""Formats and their layout; what the native products make of them is in test_linear.py."""

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from colonnade.errors import InvalidArgument
from colonnade.models.quantised import layout
from colonnade.models.quantised.layout import (
    lay_out,
    pack,
    pack_exact,
    packed_bytes,
    product,
    quantised_of,
    unpack,
    unpack_rows,
)
from colonnade.models.quantised.quantize import (
    FORMATS,
    Format,
    dequantise,
    on_grid,
    quantise,
    rounded_rows,
)

SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 130))
SEEDS = st.integers(0, 1000)
INTEGERS: tuple[Format, ...] = ("int8", "int4")


def randn(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * scale


def grid(rows: int, groups: int, seed: int, *, low: int = 0, high: int = 15) -> Tensor:
    """A matrix of 4-bit numbers with a scale and a minimum in float16 a group, as a Q4_1 file holds."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randint(low, high + 1, (rows, groups, 32), generator=generator)
    values[..., 0], values[..., 1] = low, high
    scale = (torch.rand(rows, groups, 1, generator=generator) + 0.01).half().float()
    minimum = torch.randn(rows, groups, 1, generator=generator).half().float()
    return (values * scale + minimum).flatten(1)


@pytest.mark.parametrize("form", INTEGERS)
@given(shape=SHAPES, seed=SEEDS, size=st.sampled_from([1e-3, 1.0, 300.0]))
@example(shape=(1, 1), seed=242, size=0.001)
@settings(max_examples=30)
def test_rounding_is_within_half_a_step(form: Format, shape: tuple[int, int], seed: int, size: float) -> None:
    weight = randn(*shape, seed=seed, scale=size)
    held = quantise(weight, form)
    step = held.scale_NG.float().repeat_interleave(32, 1)[:, : shape[1]]
    # What float16 does to the scale and the minimum; tiny scales are 6e-8 apart, 127 steps of them away.
    float16 = weight.abs().max() * 2**-10 + 127 * 2**-25 + 1e-7
    assert bool(((dequantise(held) - weight).abs() <= step / 2 + float16).all())


@pytest.mark.parametrize("form", FORMATS)
@given(shape=SHAPES, seed=SEEDS)
@settings(max_examples=30)
def test_packing_gives_back_what_was_rounded(form: Format, shape: tuple[int, int], seed: int) -> None:
    weight = randn(*shape, seed=seed)
    packed = pack(weight, form)
    assert len(packed.blocks) == packed_bytes(form, *shape)
    if form in INTEGERS:
        held = quantise(weight, form)
        assert torch.equal(unpack(packed), dequantise(held))
        again = quantised_of(packed)
        assert torch.equal(again.values_NGg, held.values_NGg)
        assert torch.equal(again.scale_NG, held.scale_NG)
    else:
        assert torch.equal(unpack(packed), weight.to(getattr(torch, form)).float())


def test_the_layout_is_as_the_header_says() -> None:
    """Chunk c of a group: columns 4c..4c+3 of eight rows, row by row; two chunks share the bytes of int4."""
    weight = grid(8, 2, seed=1)
    group = pack(weight, "int4").blocks.view(2, 160)[1]
    values = quantise(weight, "int4").values_NGg[:, 1]
    row, column = 5, 22
    byte = group[32 * (column // 4 - 4) + 4 * row + column % 4]
    assert int(byte) >> 4 == int(values[row, column])
    assert int(byte) & 15 == int(values[row, column - 16])
    scales = group[128:144].view(torch.float16)
    assert torch.equal(scales, quantise(weight, "int4").scale_NG[:, 1])


@given(st.integers(1, 9), st.integers(1, 4), SEEDS, st.integers(8, 15))
@example(1, 1, 0, 15)
@settings(max_examples=40)
def test_a_4_bit_grid_is_found_and_kept_exactly(rows: int, groups: int, seed: int, high: int) -> None:
    """Also where no group uses the highest values."""
    weight = grid(rows, groups, seed, high=high)
    held = on_grid(weight, "int4")
    assert held is not None
    assert torch.equal(dequantise(held), weight)


def test_an_8_bit_grid_is_found_and_kept_exactly() -> None:
    values = torch.randint(-127, 128, (10, 3, 32), generator=torch.Generator().manual_seed(1))
    values[..., 7] = -127
    weight = (values * torch.rand(10, 3, 1).half().float()).flatten(1)
    held = on_grid(weight, "int8")
    assert held is not None
    assert torch.equal(dequantise(held), weight)
    assert on_grid(weight, "int4") is None


def test_constant_groups_and_zeros_are_on_the_grid() -> None:
    weight = torch.tensor([0.0, 1.5, -0.25]).repeat_interleave(32)[None].expand(2, -1)
    held = on_grid(weight, "int4")
    assert held is not None
    assert torch.equal(dequantise(held), weight)


def test_one_value_off_the_grid_is_noticed() -> None:
    weight = grid(40, 40, seed=2)
    weight[33, 700] += 0.3 * (weight[33, 704:736].max() - weight[33, 704:736].min()) / 15
    assert on_grid(weight, "int4") is None
    assert on_grid(randn(9, 64), "int8") is None


@pytest.mark.parametrize("form", FORMATS)
def test_large_matrices_are_packed_piece_by_piece(form: Format, monkeypatch: pytest.MonkeyPatch) -> None:
    weight = grid(75, 2, seed=4)
    whole, exact = pack(weight, form), pack_exact(weight, "int4")
    monkeypatch.setattr(layout, "_PIECE", 20 * 64)
    assert torch.equal(pack(weight, form).blocks, whole.blocks)
    again = pack_exact(weight, "int4")
    assert exact is not None
    assert again is not None
    assert torch.equal(again.blocks, exact.blocks)
    weight[74] += randn(64)
    assert pack_exact(weight, "int4") is None


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_a_number_stays_visible(form: Format, bad: float) -> None:
    weight = randn(3, 70)
    weight[1, 40] = bad
    finite = torch.isfinite(unpack(pack(weight, form)))
    assert not bool(finite[1, 40])
    assert bool(finite[[0, 2]].all())
    assert bool(finite[1, :32].all())
    if form in INTEGERS:
        assert on_grid(weight, form) is None


@pytest.mark.parametrize("form", FORMATS)
def test_single_rows(form: Format) -> None:
    packed = pack(randn(21, 50), form)
    ids = torch.tensor([20, 0, 7, 7, 8])
    assert torch.equal(unpack_rows(packed, ids), unpack(packed)[ids])
    assert unpack_rows(packed, ids[:0]).shape == (0, 50)
    for outside in (-1, 21):
        with pytest.raises(IndexError):
            unpack_rows(packed, torch.tensor([0, outside]))


@given(st.integers(1, 70), SEEDS)
def test_activations_are_rounded_to_1_in_254_of_the_largest(columns: int, seed: int) -> None:
    x = randn(3, columns, seed=seed)
    largest = x.abs().max()
    assert bool(((rounded_rows(x) - x).abs() <= largest / 254 * 1.001).all())
    assert torch.equal(rounded_rows(torch.zeros(2, columns)), torch.zeros(2, columns))


def test_the_product_is_that_of_the_rounded_numbers() -> None:
    weight, x = randn(24, 96, seed=1), randn(2, 5, 96, seed=2)
    bias = randn(24, seed=3)
    exact = x.double() @ weight.double().T + bias.double()
    bounds: dict[Format, float] = {"float32": 4e-6, "bfloat16": 0.01, "int8": 0.03, "int4": 0.3}
    for form, bound in bounds.items():
        got = product(x, pack(weight, form), bias)
        assert (got - exact).abs().max() < bound * 96**0.5
    held = quantise(weight, "int4")
    assert torch.equal(unpack(lay_out(held)), dequantise(held))


def test_only_a_matrix_of_floats_is_packed() -> None:
    for wrong in (torch.zeros(4), torch.zeros(0, 4), torch.zeros(4, 4, dtype=torch.int32)):
        with pytest.raises(InvalidArgument):
            pack(wrong, "int8")
