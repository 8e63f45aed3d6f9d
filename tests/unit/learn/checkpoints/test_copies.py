import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from colonnade.learn.checkpoints.copies import Copies
from tests.unit.learn.checkpoints.making import bits


def test_copies_do_not_follow_the_originals() -> None:
    weight = nn.Parameter(torch.arange(6.0).reshape(2, 3))
    copied = Copies().take({"model/w": weight})
    with torch.no_grad():
        weight.fill_(7)
    assert copied.tensors["model/w"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert not copied.tensors["model/w"].requires_grad


def test_buffers_are_used_again_and_only_what_is_there_has_one() -> None:
    copies = Copies()
    first = copies.take({"a": torch.zeros(3), "b": torch.zeros(4)}).tensors
    again = copies.take({"a": torch.ones(3)}).tensors
    assert first["a"].data_ptr() == again["a"].data_ptr()
    assert list(again) == ["a"]


@pytest.mark.parametrize("other", [torch.zeros(4), torch.zeros(3, dtype=torch.bfloat16), torch.zeros(3, 1)])
def test_another_shape_or_dtype_gets_another_buffer(other: Tensor) -> None:
    copies = Copies()
    first = copies.take({"a": torch.ones(3)}).tensors["a"]
    second = copies.take({"a": other}).tensors["a"]
    assert (second.shape, second.dtype) == (other.shape, other.dtype)
    assert first.tolist() == [1, 1, 1]


def test_tied_tensors_are_copied_once() -> None:
    weight = nn.Parameter(torch.randn(3, 4))
    copied = Copies().take({"a": weight, "b": weight, "c": weight.data, "d": weight.data.view(3, 4)})
    assert list(copied.tensors) == ["a"]
    assert copied.shared == {"b": "a", "c": "a", "d": "a"}


@given(st.permutations(range(6)))
def test_other_views_of_the_same_memory_are_tensors_of_their_own(order: list[int]) -> None:
    memory = torch.arange(12, dtype=torch.float32)
    views = [
        memory,
        memory[:6],
        memory[6:],
        memory.reshape(3, 4),
        memory.reshape(3, 4).t(),
        memory.view(torch.int32),
    ]
    given_ = {str(number): views[number] for number in order}
    copied = Copies().take(given_)
    assert copied.shared == {}
    for name, value in given_.items():
        assert bits(copied.tensors[name]) == bits(value)
        assert copied.tensors[name].is_contiguous()


def test_empty_tensors_are_not_tied() -> None:
    copied = Copies().take({"a": torch.zeros(0), "b": torch.zeros(0), "c": torch.zeros(2, 0)})
    assert copied.shared == {}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_from_a_gpu_through_pinned_memory() -> None:
    weight = torch.randn(100, 100, device="cuda")
    expected = bits(weight.cpu())
    copied = Copies().take({"a": weight})
    weight.zero_()
    assert copied.tensors["a"].is_pinned()
    assert bits(copied.tensors["a"]) == expected
