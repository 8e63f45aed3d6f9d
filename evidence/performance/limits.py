"""What the machine itself can do, measured in the same run: the floor under every figure.

Decoding one token reads every weight once, so its limit is bytes of weights over the bandwidth of products
of the same shapes. Prefill computes with every weight for every token, so its limit is the rate of
a product of the same shapes with as many rows. Matrices lie apart in memory, as in the model, so that no
cache holds them all.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from evidence.performance.engines.child import serve

SHAPES = ((576, 576), (192, 576), (192, 576), (576, 576), (1536, 576), (1536, 576), (576, 1536))
"""(out, in) of a layer of SmolLM2-135M: query, key, value, output, gate, up, down."""
LAYERS, HEAD = 30, (49_152, 576)
PARAMETERS = LAYERS * sum(out * into for out, into in SHAPES) + HEAD[0] * HEAD[1]


class Limits:
    def __init__(self, threads: int, device: str = "cpu") -> None:
        torch.set_num_threads(threads)
        self._device = torch.device(device)
        self._weights: dict[str, list[Tensor]] = {}

    def describe(self) -> dict[str, Any]:
        return {"version": torch.__version__}

    def bandwidth(self, dtype: str) -> float:
        """Bytes a second of matrix-vector products in ``dtype`` that read every weight once."""
        weights = self._matrices(dtype)
        vectors = {size: torch.randn(size).to(weights[0]) for size in {each.shape[1] for each in weights}}

        def once() -> None:
            for weight in weights:
                torch.mv(weight, vectors[weight.shape[1]])

        return sum(each.nbytes for each in weights) / self._fastest(once)

    def memory(self) -> float:
        """Bytes a second of plain reading: the sum of all float32 weights, each matrix in one call."""
        weights = self._matrices("float32")

        def once() -> None:
            for weight in weights:
                weight.sum()

        return sum(each.nbytes for each in weights) / self._fastest(once)

    def compute(self, dtype: str, rows: int) -> float:
        """Operations a second of the layers' products with ``rows`` rows (the head answers one row)."""
        weights = self._matrices(dtype)[: LAYERS * len(SHAPES)]
        inputs = {
            size: torch.randn(rows, size).to(weights[0]) for size in {each.shape[1] for each in weights}
        }

        def once() -> None:
            for weight in weights:
                torch.mm(inputs[weight.shape[1]], weight.T)

        return 2 * rows * sum(each.numel() for each in weights) / self._fastest(once, repeats=2)

    def _matrices(self, dtype: str) -> Sequence[Tensor]:
        if dtype not in self._weights:
            self._weights.clear()
            kind = getattr(torch, dtype)
            shapes = [*SHAPES * LAYERS, HEAD]
            self._weights[dtype] = [torch.randn(shape).to(self._device, kind) for shape in shapes]
        return self._weights[dtype]

    def stream(self, gibibytes: int) -> float:
        """Bytes a second of plain reading of one large piece."""
        piece = torch.zeros(gibibytes << 28, device=self._device)
        return piece.nbytes / self._fastest(piece.sum)

    def _fastest(self, once: Callable[[], object], repeats: int = 12) -> float:
        """Seconds of the best of some runs: a limit is what the machine can do undisturbed."""
        seconds = []
        for _ in range(repeats + 1):
            began = time.perf_counter()
            once()
            if self._device.type == "cuda":
                torch.cuda.synchronize()
            seconds.append(time.perf_counter() - began)
        return min(seconds[1:])


if __name__ == "__main__":
    serve(Limits)
