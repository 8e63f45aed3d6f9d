"""Snapshots for tests, and what it means that two of them are the same: every bit."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from colonnade.learn.checkpoints import Json, Snapshot
from colonnade.learn.checkpoints.folder import folder_name


def snapshot(step: int, *, seed: int | None = None, size: int = 12, loss: float | None = None) -> Snapshot:
    """Tensors that only this seed (or step) has."""
    generator = torch.Generator().manual_seed(step if seed is None else seed)
    tensors = {f"model/{name}": torch.randn(size, generator=generator) for name in ("a", "b", "c")}
    metrics: dict[str, Json] = {} if loss is None else {"validation": {"loss": loss}}
    return Snapshot(step, step / 10, tensors, {"metrics": metrics, "seed": seed})


def bits(value: Tensor) -> bytes:
    plain = torch.empty(value.shape, dtype=value.dtype).copy_(value.detach())
    return plain.reshape(-1).view(torch.uint8).numpy().tobytes()


def same_tensors(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> bool:
    return list(found) == list(expected) and all(
        found[name].dtype == value.dtype
        and found[name].shape == value.shape
        and bits(found[name]) == bits(value)
        for name, value in expected.items()
    )


def same(found: Snapshot | None, expected: Snapshot) -> bool:
    return (
        found is not None
        and (found.step, found.epoch, found.facts) == (expected.step, expected.epoch, expected.facts)
        and same_tensors(found.tensors, expected.tensors)
    )


def place(root: Path, step: int) -> Path:
    return root / folder_name(step)


def hidden(root: Path) -> list[str]:
    """What a writer left unfinished."""
    return sorted(path.name for path in root.iterdir() if path.name.startswith(".step"))
