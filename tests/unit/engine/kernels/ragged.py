"""Random ragged batches over scattered pages, for tests of attention."""

import random
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from colonnade.engine.kernels.attention import PAGE, Layout


@dataclass(frozen=True)
class Case:
    q_NHd: Tensor
    k_NKd: Tensor
    v_NKd: Tensor
    pages: Tensor
    layout: Layout
    window: int | None = None

    def fresh(self) -> "Case":
        """The same with its own pages."""
        return replace(self, pages=self.pages.clone())

    def only(self, index: int) -> "Case":
        """One of its spans alone."""
        first = sum(self.layout.counts[:index])
        rows = slice(first, first + self.layout.counts[index])
        one = slice(index, index + 1)
        layout = Layout(
            self.layout.counts[one],
            self.layout.starts[one],
            self.layout.causal[one],
            self.layout.table_SB[one],
        )
        return replace(
            self.fresh(),
            q_NHd=self.q_NHd[rows],
            k_NKd=self.k_NKd[rows],
            v_NKd=self.v_NKd[rows],
            layout=layout,
        )


def case(
    spans: list[tuple[int, int, bool]],
    *,
    heads: tuple[int, int] = (6, 2),
    width: int = 16,
    dtype: torch.dtype = torch.float32,
    window: int | None = None,
    seed: int = 0,
) -> Case:
    """``spans`` are (tokens, committed before, causal). Slots that no position fills hold NaN."""
    generator = torch.Generator().manual_seed(seed)
    shuffled = random.Random(seed)
    (query_heads, kv_heads), total = heads, sum(count for count, _, _ in spans)
    needs = [-(-(start + count) // PAGE) for count, start, _ in spans]
    ids = list(range(1, sum(needs) + 3))
    shuffled.shuffle(ids)
    pages = torch.full((len(ids) + 1, 2, kv_heads, PAGE, width), float("nan"), dtype=dtype)
    table = torch.zeros(len(spans), max(needs), dtype=torch.int32)
    for row, ((_, start, _), need) in enumerate(zip(spans, needs, strict=True)):
        own, ids = ids[:need], ids[need:]
        table[row, :need] = torch.tensor(own, dtype=torch.int32)
        keys_Pdn = pages[:, 0].view(len(pages), kv_heads, width, PAGE)
        for position in range(start):
            page, slot = own[position // PAGE], position % PAGE
            keys_Pdn[page, :, :, slot] = torch.randn(kv_heads, width, generator=generator).to(dtype)
            pages[page, 1, :, slot] = torch.randn(kv_heads, width, generator=generator).to(dtype)
    q, k, v = (
        torch.randn(total, count, width, generator=generator) for count in (query_heads, kv_heads, kv_heads)
    )
    counts, starts, causal = (list(column) for column in zip(*spans, strict=True))
    return Case(q, k, v, pages, Layout(counts, starts, causal, table), window)
