"""Attention over paged keys and values.

A page holds ``PAGE`` positions of one layer, (2, K, PAGE, d). First come the keys, which lie the other way
round within it, feature by feature (d, PAGE), so that one vector instruction reads a feature of eight keys;
then the values (PAGE, d). Only this module reads pages; everyone else moves them whole.

Each row's result depends on its own query and on the keys and values it sees, bit by bit: not on the other
spans, the number of threads, or how a prompt was cut into spans. This holds on the native path.

Shape legend: N tokens of all spans end to end, S spans, P pages, B pages of the longest sequence, H query
heads, K key-value heads, d head width, L visible positions.
"""

from collections.abc import Sequence
from ctypes import Structure, byref, c_float, c_int32, c_int64, c_void_p
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from colonnade.engine.kernels.native import library

PAGE = 16
"""Positions of one page."""
PAGE_TYPES = {torch.float32: 0, torch.float16: 1, torch.bfloat16: 2}


class NativeSpans(Structure):
    """``Spans`` of cpp/attention.h."""

    _fields_ = (
        ("count", c_int64),
        *((name, c_void_p) for name in ("first", "tokens", "start", "causal", "table")),
        ("table_width", c_int64),
    )


class NativeAttention(Structure):
    """``Attention`` of cpp/attention.h."""

    _fields_ = (
        *((name, c_void_p) for name in "qkvo"),
        *((name, c_int64) for name in ("q_stride", "k_stride", "v_stride", "o_stride")),
        ("pages", c_void_p),
        *((name, c_int64) for name in ("page_type", "heads", "kv_heads", "width", "window")),
        ("scale", c_float),
    )


@dataclass(frozen=True)
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

    @cached_property
    def native(self) -> NativeSpans:
        """The same for the native kernels; lives as long as the layout."""
        return NativeSpans(
            len(self.counts),
            *(self._numbers[row].data_ptr() for row in range(4)),
            self._table.data_ptr(),
            self._table.shape[1],
        )

    @cached_property
    def _numbers(self) -> Tensor:
        """First row, tokens, start and mask of each span: (4, S)."""
        first, firsts = 0, []
        for count in self.counts:
            firsts.append(first)
            first += count
        return torch.tensor((firsts, self.counts, self.starts, self.causal), dtype=torch.int32)

    @cached_property
    def _table(self) -> Tensor:
        return self.table_SB.to("cpu", torch.int32).contiguous()


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
    native = library() if pages.device.type == "cpu" and pages.dtype in PAGE_TYPES else None
    if native is None:
        return reference(q_NHd, k_NKd, v_NKd, pages, layout, scale=scale, window=window)
    q, k, v = (_rows(x) for x in (q_NHd, k_NKd, v_NKd))
    o_NHd = torch.empty(q.shape)
    call = NativeAttention(
        *(x.data_ptr() for x in (q, k, v, o_NHd)),
        *(x.stride(0) for x in (q, k, v, o_NHd)),
        pages.data_ptr(),
        PAGE_TYPES[pages.dtype],
        q.shape[1],
        k.shape[1],
        q.shape[2],
        window or 0,
        scale,
    )
    native.colonnade_attend(byref(call), byref(layout.native), c_int32(torch.get_num_threads()))
    return o_NHd.to(q_NHd.dtype)


def _rows(x_NHd: Tensor) -> Tensor:
    """In float32, heads and features of a token dense; a part of a wider row may stay where it is."""
    x = x_NHd.float()
    dense = x.stride(2) == 1 and x.stride(1) == x.shape[2]
    return x if dense else x.contiguous()


def reference(
    q_NHd: Tensor,
    k_NKd: Tensor,
    v_NKd: Tensor,
    pages: Tensor,
    layout: Layout,
    *,
    scale: float,
    window: int | None = None,
) -> Tensor:
    """The same in plain torch, on any device."""
    keys_PKdn = _turned(pages)
    values_PKnd = pages[:, 1]
    o_NHd = torch.empty_like(q_NHd)
    first = 0
    for index, (count, start) in enumerate(zip(layout.counts, layout.starts, strict=True)):
        last, end = first + count, start + count
        ids = layout.table_SB[index, : -(-end // PAGE)].long()
        places = torch.arange(start, end, device=q_NHd.device)
        keys_PKdn[ids[places // PAGE], :, :, places % PAGE] = _narrowed(k_NKd[first:last], pages.dtype)
        values_PKnd[ids[places // PAGE], :, places % PAGE] = _narrowed(v_NKd[first:last], pages.dtype)
        keys_KLd = keys_PKdn[ids].permute(1, 0, 3, 2).flatten(1, 2)[:, :end].to(q_NHd.dtype)
        values_KLd = values_PKnd[ids].transpose(0, 1).flatten(1, 2)[:, :end].to(q_NHd.dtype)
        o_1HTd = scaled_dot_product_attention(
            q_NHd[first:last].transpose(0, 1)[None],
            keys_KLd[None],
            values_KLd[None],
            attn_mask=_visible(count, start, layout.causal[index], window, q_NHd.device),
            scale=scale,
            enable_gqa=True,
        )
        o_NHd[first:last] = o_1HTd[0].transpose(0, 1)
        first = last
    return o_NHd


def _narrowed(x_NKd: Tensor, dtype: torch.dtype) -> Tensor:
    """In a page's precision; what is too large for half precision becomes the largest there is."""
    most = torch.finfo(dtype).max
    return (x_NKd.clamp(-most, most) if dtype == torch.float16 else x_NKd).to(dtype)


def _turned(pages: Tensor) -> Tensor:
    """The keys of all pages as they lie: (P, K, d, PAGE)."""
    count, _, heads, _, width = pages.shape
    return pages[:, 0].view(count, heads, width, PAGE)


def _visible(count: int, start: int, causal: bool, window: int | None, device: torch.device) -> Tensor | None:
    """Which positions each of a span's tokens sees, (count, start + count); None if all."""
    if window is None and (count == 1 or not causal):
        return None
    query = torch.arange(start, start + count, device=device)[:, None]
    key = torch.arange(start + count, device=device)[None, :]
    seen = key <= query if causal else torch.ones_like(key <= query)
    return seen if window is None else seen & (key > query - window)
