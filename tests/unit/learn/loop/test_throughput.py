"""Tokens and operations a second, and what does not count."""

import pytest
import torch

from colonnade.learn.loop.throughput import Throughput, measured_peak


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_counts_between_two_looks() -> None:
    clock = _Clock()
    speed = Throughput(flops_a_token=50.0, peak=1000.0, clock=clock)
    assert speed.look() == {}
    speed.add(30)
    speed.add(10)
    clock.now = 4.0
    assert speed.look() == {"tokens_per_second": 10.0, "flops_per_second": 500.0, "mfu": 0.5}
    clock.now = 5.0
    assert speed.look() == {}


def test_what_is_no_training_does_not_count() -> None:
    clock = _Clock()
    speed = Throughput(flops_a_token=1.0, peak=1.0, clock=clock)
    speed.add(10)
    clock.now = 100.0
    speed.pause()
    speed.add(6)
    clock.now = 102.0
    assert speed.look()["tokens_per_second"] == pytest.approx(3.0)


def test_the_peak_is_that_of_a_product_on_this_machine() -> None:
    assert 1e8 < measured_peak(torch.device("cpu"), torch.float32) < 1e14
