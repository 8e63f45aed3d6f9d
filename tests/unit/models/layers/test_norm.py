import torch

from colonnade.models.layers.norm import RMSNorm


def test_divides_by_the_root_mean_square() -> None:
    norm = RMSNorm(4, epsilon=0.0)
    norm.weight.data = torch.tensor([1.0, 2.0, 1.0, 1.0])
    out = norm(torch.tensor([3.0, 4.0, 0.0, 0.0]))  # root mean square 2.5
    torch.testing.assert_close(out, torch.tensor([1.2, 3.2, 0.0, 0.0]))


def test_mean_square_is_taken_in_float32() -> None:
    values = torch.full((4096,), 300.0, dtype=torch.float16)  # squares overflow float16
    out = RMSNorm(4096, 1e-6).half()(values)
    torch.testing.assert_close(out, torch.ones(4096, dtype=torch.float16))
