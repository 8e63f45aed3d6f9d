"""Memory that is told of is memory that is held."""

import torch

from colonnade.learn.loop.held import held_bytes


def test_what_is_allocated_shows() -> None:
    before = held_bytes(torch.device("cpu"))["memory_bytes"]
    held = torch.ones(64 << 18)  # 64 MiB, written
    grown = held_bytes(torch.device("cpu"))["memory_bytes"] - before
    assert grown > 0.9 * held.nbytes
