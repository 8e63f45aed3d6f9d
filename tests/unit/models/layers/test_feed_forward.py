import torch

from colonnade.models.layers.feed_forward import SwiGLU


def test_gate_opens_and_shuts() -> None:
    layer = SwiGLU(1, 1)
    for linear, weight in ((layer.gate, 50.0), (layer.up, 3.0), (layer.down, 1.0)):
        linear.weight.data.fill_(weight)
    out = layer(torch.tensor([[1.0], [-1.0]]))  # silu(50) = 50, silu(-50) = 0
    torch.testing.assert_close(out, torch.tensor([[150.0], [0.0]]))


def test_biases_are_asked_for() -> None:
    assert SwiGLU(2, 3).gate.bias is None
    assert [SwiGLU(2, 3, bias=True).down.bias.shape] == [torch.Size([2])]
