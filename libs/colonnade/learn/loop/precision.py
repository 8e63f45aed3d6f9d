"""In which numbers a run computes, and in which it keeps its weights.

| precision | weights | products |
|---|---|---|
| float32 | float32 | float32 |
| bfloat16-mixed | float32 | bfloat16 (autocast) |
| float16-mixed | float32 | float16 (autocast), with a loss scale |
| bfloat16 | bfloat16 | bfloat16: half the memory; updates below 1/256 of a weight are lost |
"""

from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum

import torch


class Precision(StrEnum):
    FLOAT32 = "float32"
    BFLOAT16_MIXED = "bfloat16-mixed"
    FLOAT16_MIXED = "float16-mixed"
    BFLOAT16 = "bfloat16"

    @property
    def weights(self) -> torch.dtype:
        return torch.bfloat16 if self is Precision.BFLOAT16 else torch.float32

    @property
    def products(self) -> torch.dtype:
        if self is Precision.FLOAT16_MIXED:
            return torch.float16
        return torch.float32 if self is Precision.FLOAT32 else torch.bfloat16

    @property
    def scales(self) -> bool:
        """Whether small gradients would be lost without a loss scale."""
        return self is Precision.FLOAT16_MIXED

    def computing(self, device: torch.device) -> AbstractContextManager[object]:
        """Within it, forward passes compute in this precision."""
        if self.weights == self.products:
            return nullcontext()
        return torch.autocast(device.type, dtype=self.products)
