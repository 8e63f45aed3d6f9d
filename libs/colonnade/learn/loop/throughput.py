"""How fast a run is: tokens a second, operations a second, and their share of what the machine can do.

Model FLOP/s utilisation (Chowdhery et al. 2022, arXiv:2204.02311): the operations that the model's equations
need (recomputed activations do not count) over the machine's peak. The peak is measured, not looked up: the
best of a few large matrix products in the precision of the run.
"""

import time
from collections.abc import Callable

import torch

_SIZE = {"cpu": 512, "cuda": 8192}
_PRODUCTS = 5


class Throughput:
    """Counts tokens between two looks at the clock."""

    def __init__(
        self, flops_a_token: float, peak: float, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """``peak`` in operations a second."""
        self._flops, self._peak, self._clock = flops_a_token, peak, clock
        self._tokens = 0
        self._since = clock()

    def add(self, tokens: int) -> None:
        self._tokens += tokens

    def pause(self) -> None:
        """What was done since the last look is no training: it does not count, nor do its tokens."""
        self._tokens, self._since = 0, self._clock()

    def look(self) -> dict[str, float]:
        """Since the last look; empty where there was no time or nothing to count."""
        seconds, tokens = self._clock() - self._since, self._tokens
        self.pause()
        if not tokens or seconds <= 0:
            return {}
        rate = tokens / seconds
        flops = rate * self._flops
        return {"tokens_per_second": rate, "flops_per_second": flops, "mfu": flops / self._peak}


def measured_peak(device: torch.device, dtype: torch.dtype) -> float:
    """Operations a second of the fastest of a few square matrix products."""
    size = _SIZE.get(device.type, _SIZE["cpu"])
    left, right = (torch.ones(size, size, dtype=dtype, device=device) for _ in range(2))
    torch.mm(left, right)
    seconds = min(_timed(left, right) for _ in range(_PRODUCTS))
    return 2 * size**3 / seconds


def _timed(left: torch.Tensor, right: torch.Tensor) -> float:
    if left.is_cuda:
        torch.cuda.synchronize()
    began = time.perf_counter()
    torch.mm(left, right)
    if left.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - began
