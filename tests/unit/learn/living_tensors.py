"""Counts the bytes of all tensors that live, and their peak: what an allocator would be asked for."""

import weakref
from collections.abc import Iterable
from typing import Any, Self

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LivingTensors(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Inside, every operation's results count from when they are made until their storage is freed, or made
    larger or smaller. What an operation uses within itself does not show. Of a tensor that lies in parts over
    processes the own part counts."""

    def __init__(self, already: Iterable[Tensor] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._living: dict[int, int] = {}
        self.bytes = 0
        self.peak = 0
        for tensor in already:
            self._count(tensor)

    def __enter__(self) -> Self:
        self._resize: Any = torch.UntypedStorage.resize_

        def resize(storage: Any, size: int) -> Any:
            resized = self._resize(storage, size)
            if (key := storage._cdata) in self._living:
                self.bytes += size - self._living[key]
                self._living[key] = size
                self.peak = max(self.peak, self.bytes)
            return resized

        setattr(torch.UntypedStorage, "resize_", resize)  # noqa: B010 - mypy
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *raised: Any) -> None:
        setattr(torch.UntypedStorage, "resize_", self._resize)  # noqa: B010 - mypy
        super().__exit__(*raised)  # type: ignore[no-untyped-call]

    def from_here(self) -> None:
        """The peak is that of what comes now."""
        self.peak = self.bytes

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if any(issubclass(each, DTensor) for each in types):
            return NotImplemented  # so that it is taken apart first, and its own part is seen
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, Tensor):
                self._count(leaf)
        return out

    def _count(self, tensor: Tensor) -> None:
        own = tensor.to_local() if isinstance(tensor, DTensor) else tensor
        storage = own.untyped_storage()
        if storage._cdata in self._living:
            return
        self._living[storage._cdata] = storage.nbytes()
        self.bytes += storage.nbytes()
        self.peak = max(self.peak, self.bytes)
        weakref.finalize(storage, self._forget, storage._cdata)

    def _forget(self, key: int) -> None:
        self.bytes -= self._living.pop(key, 0)


def state_bytes(optimiser: torch.optim.Optimizer) -> int:
    """Of tensors that grow with the model; counters and norms are left out."""
    values = (value for state in optimiser.state.values() for value in state.values())
    return sum(value.nbytes for value in values if isinstance(value, Tensor) and value.dim())
