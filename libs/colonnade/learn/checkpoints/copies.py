"""A copy of a run's tensors at one moment, in memory that is used again for the next one.

A checkpoint is written while the training goes on and changes its weights. So they are copied first: once,
and into the same buffers every time, so that however many checkpoints a run writes, it holds one copy. From a
GPU they are copied into pinned memory, which is several times as fast.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.learn.checkpoints.shard import DTYPES
from colonnade.security.inputs import check_text

_MAX_NAME_BYTES = 1024
_Memory = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Copied:
    tensors: Mapping[str, Tensor]
    """Contiguous, on the CPU, one for each piece of memory."""
    shared: Mapping[str, str]
    """Names of the same tensor as another name: tied weights are kept once, and are tied again when read."""


class Copies:
    """Buffers by name. What ``take`` returned holds until the next ``take``."""

    def __init__(self) -> None:
        self._buffers: dict[str, Tensor] = {}

    def take(self, tensors: Mapping[str, Tensor]) -> Copied:
        """Copies the values as they are now. Raises a refusal that names a tensor which cannot be kept."""
        for name, value in tensors.items():
            _check(name, value)
        owners: dict[_Memory, str] = {}
        shared: dict[str, str] = {}
        for name, value in tensors.items():
            if (owner := owners.setdefault(_memory(value, name), name)) != name:
                shared[name] = owner
        own = {name: value.detach() for name, value in tensors.items() if name not in shared}
        self._buffers = {name: self._buffer(name, value) for name, value in own.items()}
        for name, value in own.items():
            self._buffers[name].copy_(value, non_blocking=value.is_cuda)
        for device in {value.device for value in own.values() if value.is_cuda}:
            torch.cuda.current_stream(device).synchronize()
        return Copied(self._buffers, shared)

    def _buffer(self, name: str, value: Tensor) -> Tensor:
        held = self._buffers.get(name)
        if held is not None and held.shape == value.shape and held.dtype == value.dtype:
            return held
        return torch.empty(value.shape, dtype=value.dtype, pin_memory=value.is_cuda)


def _memory(value: Tensor, name: str) -> _Memory:
    """Equal for tensors that are the same elements of the same memory; an empty one is only itself."""
    if value.numel() == 0:
        return (name,)
    flags = (value.is_conj(), value.is_neg())
    return (value.device, value.data_ptr(), value.dtype, value.shape, value.stride(), *flags)


def _check(name: str, value: Tensor) -> None:
    check_text(name, "a tensor's name", _MAX_NAME_BYTES)
    if name == "__metadata__":
        raise InvalidArgument("a tensor cannot be named __metadata__: safetensors uses it", field="tensors")
    if value.layout != torch.strided or value.device.type == "meta" or value.dtype not in DTYPES:
        known = ", ".join(str(dtype).removeprefix("torch.") for dtype in DTYPES)
        raise Unsupported(
            f"tensor {name} is {value.layout}, {value.dtype} on {value.device}: a checkpoint holds dense "
            f"tensors of {known}",
            field=name,
        )
