from dataclasses import replace

import pytest
import torch
from torch import Tensor

from colonnade.models.layers.attention import Attention, AttentionShape, CausalAttention
from colonnade.models.layers.rope import RotaryEmbedding

SHAPE = AttentionShape(width=16, heads=4, kv_heads=2, head_width=6, qkv_bias=True, qk_norm_epsilon=1e-6)


def run(layer: Attention, x_BTD: Tensor, window: int | None = None, shift: int = 0) -> Tensor:
    length = x_BTD.shape[1]
    rotation = RotaryEmbedding(layer.shape.head_width, 100.0)(torch.arange(length) + shift, torch.float32)
    out: Tensor = layer(x_BTD, rotation, CausalAttention(length, window, x_BTD.device))
    return out


def test_repeated_key_value_heads_are_multi_head_attention() -> None:
    grouped, full = Attention(SHAPE), Attention(replace(SHAPE, kv_heads=4))
    weights = grouped.state_dict()
    for name in ("key.weight", "key.bias", "value.weight", "value.bias"):
        heads = weights[name].unflatten(0, (2, 6))
        weights[name] = heads.repeat_interleave(2, 0).flatten(0, 1)
    full.load_state_dict(weights)
    x = torch.randn(2, 9, 16)
    torch.testing.assert_close(run(grouped, x), run(full, x))


def test_does_not_know_absolute_positions() -> None:
    layer, x = Attention(SHAPE), torch.randn(1, 9, 16)
    torch.testing.assert_close(run(layer, x), run(layer, x, shift=300), atol=1e-5, rtol=1e-4)


def test_equals_attention_written_out() -> None:
    layer, x = Attention(replace(SHAPE, qkv_bias=False, qk_norm_epsilon=None)), torch.randn(1, 5, 16)
    rotation = RotaryEmbedding(6, 100.0)(torch.arange(5), torch.float32)
    q = rotation.turn(layer.query(x[0]).view(5, 4, 6))
    k = rotation.turn(layer.key(x[0]).view(5, 2, 6))
    v = layer.value(x[0]).view(5, 2, 6)
    rows = []
    for i in range(5):
        heads = []
        for h in range(4):
            weights = torch.stack([q[i, h] @ k[j, h // 2] * 6**-0.5 for j in range(i + 1)]).softmax(0)
            heads.append(sum(weights[j] * v[j, h // 2] for j in range(i + 1)))
        rows.append(torch.cat(heads))
    torch.testing.assert_close(run(layer, x)[0], layer.output(torch.stack(rows)))


@pytest.mark.parametrize("window", [1, 2, 4, 9, 20])
def test_window_sees_its_last_positions_exactly(window: int) -> None:
    layer, x = Attention(SHAPE), torch.randn(1, 9, 16, requires_grad=True)
    torch.autograd.backward(run(layer, x, window)[0, 8].sum())
    assert x.grad is not None
    seen = x.grad[0].abs().sum(-1) > 0
    assert seen.tolist() == [position > 8 - window for position in range(9)]


def test_a_window_as_wide_as_the_text_is_no_window() -> None:
    layer, x = Attention(SHAPE), torch.randn(1, 9, 16)
    torch.testing.assert_close(run(layer, x, 9), run(layer, x), rtol=0, atol=0)
