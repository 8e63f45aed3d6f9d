"""The ``State`` of one forward: ``colonnade.models.protocol.State`` says what the methods do.

Nothing a forward does is kept until ``commit``: keys beyond the committed length are overwritten by the next
pass, and writes of fixed state are staged. A failed forward can therefore be repeated exactly.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from colonnade.engine.kernels.attention import Layout, paged_attention
from colonnade.models.protocol import Span

if TYPE_CHECKING:
    from colonnade.engine.cache.store import StateStore


class BatchState:
    def __init__(self, store: "StateStore", spans: Sequence[Span]) -> None:
        self._store, self._spans = store, spans
        self._staged: dict[tuple[int, str], Tensor] = {}

    @cached_property
    def layout(self) -> Layout:
        """Where the spans lie; the same for every layer."""
        ends = [span.start + len(span.tokens) for span in self._spans]
        counts = [self._store.pages_for(end) for end in ends]
        table_SB = np.zeros((len(counts), max(counts)), dtype=np.int32)
        for row_B, span, count in zip(table_SB, self._spans, counts, strict=True):
            state = self._store[span.sequence]
            assert state.length == span.start, "a span begins where the committed positions end"
            assert count <= state.count, "pages are taken before the forward"
            row_B[:count] = state.table[:count]
        return Layout(
            counts=[len(span.tokens) for span in self._spans],
            starts=[span.start for span in self._spans],
            causal=[span.mask == "causal" for span in self._spans],
            table_SB=torch.from_numpy(table_SB).to(self._store.device),
        )

    def attend(self, name: str, q_NHD: Tensor, k_NKD: Tensor, v_NKD: Tensor, *, scale: float) -> Tensor:
        pages, window = self.paged(name)
        return paged_attention(q_NHD, k_NKD, v_NKD, pages, self.layout, scale=scale, window=window)

    def paged(self, name: str) -> tuple[Tensor, int | None]:
        """The pages and the window behind a name, for a layer that attends by itself."""
        return self._store.pages(name), self._store.specs[name].window

    def read(self, name: str) -> Tensor:
        return torch.stack([self._store[span.sequence].fixed[name] for span in self._spans])

    def write(self, name: str, value: Tensor) -> None:
        for span, row in zip(self._spans, value, strict=True):
            if span.commit == len(span.tokens):
                self._staged[span.sequence, name] = row.clone()

    def commit(self) -> None:
        """Keeps what the forward did: called once, after it succeeded."""
        for (handle, name), value in self._staged.items():
            self._store[handle].fixed[name] = value
        for span in self._spans:
            state = self._store[span.sequence]
            state.length = span.start + span.commit
            state.tokens += span.tokens[: span.commit]
            state.pure = state.pure and _pure(span, self._store.page_multiple)


def _pure(span: Span, block: int) -> bool:
    """Whether what the span commits depends on the tokens alone, those up to it or to its block's end."""
    whole_block = len(span.tokens) == span.commit == block and span.start % block == 0
    return span.depth is None and not span.extra and (span.mask == "causal" or whole_block)
