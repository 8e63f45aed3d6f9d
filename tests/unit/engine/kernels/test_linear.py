"""Packed layers: natively and by the reference, bit by bit the same in any batch."""

import copy

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from colonnade.engine.kernels import linear
from colonnade.engine.kernels.linear import PackedEmbedding, PackedLinear
from colonnade.models.quantised.layout import pack, product, unpack
from colonnade.models.quantised.quantize import FORMATS, Format

NOT_NUMBERS = [float("nan"), float("inf"), float("-inf")]


@pytest.fixture(params=["native", "reference"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "reference":
        monkeypatch.setattr(linear, "library", lambda: None)


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def layer(form: Format, outputs: int, inputs: int, *, bias: bool = False, seed: int = 0) -> PackedLinear:
    return PackedLinear(
        pack(randn(outputs, inputs, seed=seed), form), randn(outputs, seed=seed + 1) if bias else None
    )


@pytest.mark.parametrize("form", FORMATS)
@given(
    rows=st.integers(1, 140),
    inputs=st.integers(1, 130),
    outputs=st.integers(1, 70),
    bias=st.booleans(),
    threads=st.integers(1, 3),
    seed=st.integers(0, 100),
)
@example(rows=65, inputs=2048, outputs=40, bias=True, threads=2, seed=0)
@example(rows=32, inputs=58, outputs=1, bias=False, threads=1, seed=60)  # x lies between two whole numbers
@example(rows=49, inputs=33, outputs=17, bias=False, threads=2, seed=1)
@settings(max_examples=40, deadline=None)
def test_native_is_the_reference(
    form: Format, rows: int, inputs: int, outputs: int, bias: bool, threads: int, seed: int
) -> None:
    made, x = layer(form, outputs, inputs, bias=bias, seed=seed), randn(rows, inputs, seed=seed + 2)
    torch.set_num_threads(threads)
    try:
        got = made(x)
    finally:
        torch.set_num_threads(1)
    size = x.abs().amax() * unpack(made.packed).abs().amax() * inputs**0.5
    assert (got - product(x, made.packed, made.bias)).abs().max() <= 4e-6 * size + 1e-6


@pytest.mark.parametrize("form", FORMATS)
@given(rows=st.integers(2, 140), inputs=st.integers(1, 100), outputs=st.integers(1, 60), data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_row_has_the_same_bits_in_any_batch(
    form: Format, rows: int, inputs: int, outputs: int, data: st.DataObject
) -> None:
    made, x = layer(form, outputs, inputs, bias=True), randn(rows, inputs)
    whole = made(x)
    first = data.draw(st.integers(0, rows - 1))
    last = data.draw(st.integers(first + 1, rows))
    assert torch.equal(made(x[first:last]), whole[first:last])
    torch.set_num_threads(2)
    try:
        assert torch.equal(made(x), whole), "however many threads"
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("bad", NOT_NUMBERS)
def test_what_is_not_a_number_shows_in_its_own_row_alone(path: None, form: Format, bad: float) -> None:
    made, x = layer(form, 20, 70), randn(9, 70)
    clean = made(x)
    x[4, 69] = bad
    got = made(x)
    assert not bool(torch.isfinite(got[4]).any())
    others = [0, 1, 2, 3, 5, 6, 7, 8]
    torch.testing.assert_close(got[others], clean[others])


@pytest.mark.parametrize("form", FORMATS)
def test_bad_weights_show_too(path: None, form: Format) -> None:
    weight = randn(20, 70)
    weight[3, 5] = float("nan")
    got = PackedLinear(pack(weight, form))(randn(2, 70))
    assert bool(got[:, 3].isnan().all())
    assert bool(torch.isfinite(got[:, [0, 1, 2, 4, 19]]).all())


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("size", [0.0, 1e-38, 1e-20, 1e20])
def test_very_small_and_very_large_rows(form: Format, size: float) -> None:
    made, x = layer(form, 16, 64), randn(3, 64) * size
    got = made(x)
    assert bool(torch.isfinite(got).all())
    assert (got - product(x, made.packed)).abs().max() <= 1e-4 * size


@pytest.mark.parametrize("form", FORMATS)
def test_any_shape_and_stride_of_the_input(path: None, form: Format) -> None:
    made, x = layer(form, 10, 40, bias=True), randn(3, 5, 40)
    got = made(x)
    assert got.shape == (3, 5, 10)
    wide = randn(15, 90)
    wide[:, 20:60] = x.flatten(0, 1)
    torch.testing.assert_close(made(wide[:, 20:60]), got.flatten(0, 1))
    torch.testing.assert_close(made(x.flatten(0, 1).T.contiguous().T), got.flatten(0, 1))
    torch.testing.assert_close(made(x[0, 0]), got[0, 0])
    assert made(x[:0]).shape == (0, 5, 10)
    half = made(x.bfloat16())
    assert half.dtype == torch.bfloat16
    with pytest.raises(ValueError, match="40 numbers are wanted, not of 41"):
        made(randn(40, 41))


@pytest.mark.parametrize("form", FORMATS)
def test_gradients_reach_the_input(form: Format) -> None:
    made = layer(form, 10, 40, bias=True)
    x = randn(3, 40).requires_grad_()
    made(x).sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, unpack(made.packed).sum(0).expand(3, -1))


@pytest.mark.parametrize("form", FORMATS)
def test_an_embedding_gives_the_rows_of_the_matrix(path: None, form: Format) -> None:
    packed = pack(randn(37, 45), form)
    embedding = PackedEmbedding(packed)
    ids = torch.tensor([[36, 0, 15], [16, 16, 7]])
    assert torch.equal(embedding(ids), F.embedding(ids, unpack(packed)))
    assert embedding(ids[:0]).shape == (0, 3, 45)
    for outside in (-1, 37):
        with pytest.raises(IndexError):
            embedding(torch.tensor([0, outside]))


def test_a_copy_has_tensors_of_its_own() -> None:
    made, x = layer("int4", 16, 64, bias=True), randn(1, 64)
    before = made(x)
    other = copy.deepcopy(made)
    made.blocks.zero_()
    assert torch.equal(other(x), before)


def test_it_is_a_module_like_the_one_it_replaces() -> None:
    plain = nn.Linear(64, 16)
    made = PackedLinear(pack(plain.weight, "float32"), plain.bias)
    assert (made.in_features, made.out_features) == (64, 16)
    torch.testing.assert_close(made(randn(4, 64)), plain(randn(4, 64)).detach())
    assert sum(each.nbytes for each in made.buffers()) == 64 * 16 * 4 + 16 * 4
    assert "int4" in repr(layer("int4", 8, 32))
