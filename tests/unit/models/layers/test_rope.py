import math

import pytest
import torch

from colonnade.errors import InvalidArgument
from colonnade.models.layers.rope import RotaryEmbedding, Rotation
from colonnade.models.layers.rope_scaling import LinearScaling, Llama3Scaling, Scaling, YarnScaling

SCALINGS = [None, LinearScaling(4.0), Llama3Scaling(8.0, original_context=64), YarnScaling(4.0, 32)]


def test_turns_by_position_times_frequency() -> None:
    rotation = RotaryEmbedding(2, theta=100.0)(torch.tensor([3]), torch.float32)
    turned = rotation.turn(torch.tensor([[[1.0, 0.0]]]))
    torch.testing.assert_close(turned[0, 0], torch.tensor([math.cos(3), math.sin(3)]))


@pytest.mark.parametrize("scaling", SCALINGS)
def test_scores_depend_on_distance_only(scaling: Scaling | None) -> None:
    rope = RotaryEmbedding(16, 10_000.0, scaling)
    q, k = torch.randn(2, 1, 1, 16, dtype=torch.float64)

    def score(query_at: int, key_at: int) -> float:
        angles = torch.tensor([query_at, key_at]).double()[:, None] * rope.frequencies.double()
        angles = torch.cat((angles, angles), -1)[:, None]
        query_turn, key_turn = (Rotation(angle.cos(), angle.sin()) for angle in angles)
        return float((query_turn.turn(q) * key_turn.turn(k)).sum())

    assert score(7, 3) == pytest.approx(score(1007, 1003), abs=1e-9)
    assert score(7, 3) != pytest.approx(score(8, 3), abs=1e-6)


@pytest.mark.parametrize("scaling", SCALINGS)
def test_shift_leaves_scores_in_float32(scaling: Scaling | None) -> None:
    rope = RotaryEmbedding(16, 10_000.0, scaling)
    q, k = torch.randn(2, 8, 1, 16)
    scores = []
    for shift in (0, 50):
        rotation = rope(torch.arange(8) + shift, torch.float32)
        scores.append(rotation.turn(q)[:, 0] @ rotation.turn(k)[:, 0].T)
    torch.testing.assert_close(scores[0], scores[1], atol=1e-4, rtol=1e-4)


def test_frequencies_keep_their_precision_when_a_model_is_cast() -> None:
    rope = RotaryEmbedding(16, 10_000.0)
    before = rope.frequencies.clone()
    assert rope.bfloat16().frequencies.dtype == torch.float32
    torch.testing.assert_close(rope.frequencies, before, rtol=0, atol=0)


def test_frequencies_are_real_while_the_rest_is_laid_out() -> None:
    with torch.device("meta"):
        rope = RotaryEmbedding(16, 10_000.0, YarnScaling(4.0, 32))
    assert not rope.frequencies.is_meta
    assert rope(torch.arange(3), torch.float32).cos_X1d.shape == (3, 1, 16)


def test_linear_scaling_is_a_slower_walk() -> None:
    plain, scaled = RotaryEmbedding(8, 100.0), RotaryEmbedding(8, 100.0, LinearScaling(4.0))
    far, near = torch.tensor([40]), torch.tensor([10])
    torch.testing.assert_close(scaled(far, torch.float32).cos_X1d, plain(near, torch.float32).cos_X1d)


def test_llama3_keeps_fast_and_divides_slow_frequencies() -> None:
    plain, scaled = RotaryEmbedding(64, 500_000.0), RotaryEmbedding(64, 500_000.0, Llama3Scaling(8.0))
    ratio = plain.frequencies / scaled.frequencies
    assert ratio[0] == 1.0
    assert float(ratio[-1]) == pytest.approx(8.0)
    assert bool((ratio.diff() >= -1e-5).all())


@pytest.mark.parametrize(
    "make",
    [
        lambda: LinearScaling(0.5),
        lambda: LinearScaling(math.nan),
        lambda: Llama3Scaling(8.0, 4.0, 1.0),
        lambda: Llama3Scaling(8.0, original_context=0),
        lambda: YarnScaling(4.0, 0),
        lambda: YarnScaling(4.0, 8, attention_factor=-1.0),
        lambda: YarnScaling(4.0, 8, beta_fast=1.0, beta_slow=2.0),
    ],
)
def test_impossible_scaling_is_refused(make: object) -> None:
    with pytest.raises(InvalidArgument, match="rope scaling"):
        make()  # type: ignore[operator]
