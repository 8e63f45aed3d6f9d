import torch

from colonnade.models.layers.gelu_feed_forward import GeluFeedForward


def test_is_the_exact_gelu() -> None:
    layer = GeluFeedForward(1, 1, bias=False)
    for linear in (layer.up, layer.down):
        linear.weight.data.fill_(1.0)
    out = layer(torch.tensor([[1.0], [-1.0], [0.0]]))
    torch.testing.assert_close(out, torch.tensor([[0.8413447], [-0.1586553], [0.0]]))


def test_biases_may_be_left_out() -> None:
    assert GeluFeedForward(2, 3).down.bias.shape == (2,)
    assert GeluFeedForward(2, 3, bias=False).up.bias is None
