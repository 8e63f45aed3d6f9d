"""The memory of one layer's pages."""

import mmap
from math import prod

import torch
from torch import Tensor

from colonnade.engine.kernels.attention import PAGE

_FLAGS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)


class Arena:
    """Room for all pages there may ever be; on the CPU only those that were written take memory."""

    def __init__(
        self, capacity: int, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device
    ) -> None:
        """``shape`` is (K, d)."""
        heads, width = shape
        whole = (capacity, 2, heads, PAGE, width)
        self._map: mmap.mmap | None = None
        if device.type == "cpu":
            self._map = mmap.mmap(-1, prod(whole) * dtype.itemsize, flags=_FLAGS)
            self.pages: Tensor = torch.frombuffer(self._map, dtype=dtype).view(whole)
        else:
            self.pages = torch.empty(whole, dtype=dtype, device=device)

    def give_back(self, page: int) -> None:
        """Returns a page's memory to the machine, as far as it covers whole pages of the machine's."""
        size = self.pages[0].nbytes
        begin = -(-page * size // mmap.PAGESIZE) * mmap.PAGESIZE
        length = (page + 1) * size // mmap.PAGESIZE * mmap.PAGESIZE - begin
        if self._map is not None and length > 0:
            self._map.madvise(mmap.MADV_DONTNEED, begin, length)
