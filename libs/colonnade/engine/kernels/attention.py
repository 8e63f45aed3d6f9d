"""Attention over paged keys and values.

Shape legend: N tokens of all spans end to end, S spans, P pages, B pages of the longest sequence, H query
heads, K key-value heads, d head width. A page holds ``PAGE`` positions of one layer: (2, K, PAGE, d), keys
then values.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

PAGE = 16
"""Positions of one page."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the spans of one forward lie; built once, used by every layer."""

    counts: Sequence[int]
    """Tokens of each span."""
    starts: Sequence[int]
    """Committed positions before each span."""
    causal: Sequence[bool]
    """False: a span's own tokens all see each other."""
    table_SB: Tensor
    """Page ids of each span's sequence in order of positions, int32, padded with 0."""


def paged_attention(
    q_NHd: Tensor,
    k_NKd: Tensor,
    v_NKd: Tensor,
    pages: Tensor,
    layout: Layout,
    *,
    scale: float,
    window: int | None = None,
) -> Tensor:
    """Writes k and v of all spans into ``pages`` (P, 2, K, PAGE, d), then attends span by span over all
    positions before it and itself, the last ``window`` of them if given. Returns o_NHd."""
    o_NHd = torch.empty_like(q_NHd)
    first = 0
    for index, (count, start) in enumerate(zip(layout.counts, layout.starts, strict=True)):
        last, end = first + count, start + count
        ids = layout.table_SB[index, : -(-end // PAGE)].long()
        places = torch.arange(start, end, device=q_NHd.device)
        pages[ids[places // PAGE], 0, :, places % PAGE] = k_NKd[first:last].to(pages.dtype)
        pages[ids[places // PAGE], 1, :, places % PAGE] = v_NKd[first:last].to(pages.dtype)
        held_2KLd = pages[ids].permute(1, 2, 0, 3, 4).flatten(2, 3)[:, :, :end].to(q_NHd.dtype)
        o_1HTd = scaled_dot_product_attention(
            q_NHd[first:last].transpose(0, 1)[None],
            held_2KLd[None, 0],
            held_2KLd[None, 1],
            attn_mask=_visible(count, start, layout.causal[index], window, q_NHd.device),
            scale=scale,
            enable_gqa=True,
        )
        o_NHd[first:last] = o_1HTd[0].transpose(0, 1)
        first = last
    return o_NHd


def _visible(count: int, start: int, causal: bool, window: int | None, device: torch.device) -> Tensor | None:
    """Which positions each of a span's tokens sees, (count, start + count); None if all."""
    if window is None and (count == 1 or not causal):
        return None
    query = torch.arange(start, start + count, device=device)[:, None]
    key = torch.arange(start + count, device=device)[None, :]
    seen = key <= query if causal else torch.ones_like(key <= query)
    return seen if window is None else seen & (key > query - window)
