"""Packed matrices: how the engine's native products read weights.

Rows are taken in blocks of 8 or 16, padded with whole rows and columns, so that one vector holds a column of
all of them; the engine's ``kernels/cpp/linear_layout.h`` has the order of the bytes.

Shape legend: N rows, K columns, G groups of a row, g columns of a group (32), B blocks, R rows of a block,
I chosen rows, X any leading axes.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from colonnade.models.quantised.quantize import (
    GROUP,
    Format,
    Quantised,
    check,
    dequantise,
    on_grid,
    quantise,
    rounded_rows,
)

BLOCK_ROWS: dict[Format, int] = {"float32": 16, "bfloat16": 16, "int8": 8, "int4": 8}
_GROUP_BYTES: dict[Format, int] = {"int8": 8 * 32 + 8 * 2, "int4": 8 * 16 + 2 * 8 * 2}
_FLOATS: dict[Format, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_TRIED = 16
"""Rows that are looked at before all are."""
_PIECE = 1 << 17
"""Weights that are packed at a time."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A matrix as the native products read it."""

    blocks: Tensor
    """Bytes; ``packed_bytes`` of them."""
    form: Format
    rows: int
    columns: int


def packed_bytes(form: Format, rows: int, columns: int) -> int:
    blocks = -(-rows // BLOCK_ROWS[form])
    if form in _GROUP_BYTES:
        return blocks * -(-columns // GROUP) * _GROUP_BYTES[form]
    columns += columns % 2 if form == "bfloat16" else 0
    return blocks * BLOCK_ROWS[form] * columns * _FLOATS[form].itemsize


def pack(weight_NK: Tensor, form: Format) -> Packed:
    """Rounds a float matrix to ``form`` and lays it out."""
    check(weight_NK)
    if form in _FLOATS:
        laid = [_laid_floats(piece, form) for piece in _pieces(weight_NK)]
    else:
        laid = [_laid_groups(quantise(piece, form)) for piece in _pieces(weight_NK)]
    return Packed(torch.cat(laid), form, *weight_NK.shape)


def pack_exact(weight_NK: Tensor, form: Format) -> Packed | None:
    """As ``pack``, where the weights are ``on_grid``; else None, mostly after a look at some of them."""
    check(weight_NK)
    some = weight_NK[:: -(-len(weight_NK) // _TRIED)]
    if on_grid(some, form) is None:
        return None
    laid = []
    for piece in _pieces(weight_NK):
        if (held := on_grid(piece, form)) is None:
            return None
        laid.append(_laid_groups(held))
    return Packed(torch.cat(laid), form, *weight_NK.shape)


def _pieces(weight_NK: Tensor) -> tuple[Tensor, ...]:
    """Whole blocks of rows, few enough that all steps of their packing find them in the cache."""
    rows = max(1, _PIECE // weight_NK.shape[1] // 16) * 16
    return torch.split(weight_NK, rows)


def lay_out(held: Quantised) -> Packed:
    form: Format = "int8" if held.minimum_NG is None else "int4"
    return Packed(_laid_groups(held), form, len(held.values_NGg), held.columns)


def unpack(packed: Packed) -> Tensor:
    """The matrix that the packed one stands for, (N, K) in float32."""
    if packed.form in _FLOATS:
        return _floats_of(packed)
    return dequantise(quantised_of(packed))


def unpack_rows(packed: Packed, ids_I: Tensor) -> Tensor:
    """Some rows of the matrix, (I, K) in float32. ``IndexError`` for an id that is not a row."""
    if ids_I.numel() and not 0 <= int(ids_I.min()) <= int(ids_I.max()) < packed.rows:
        raise IndexError("an id is not a row of the matrix")
    height = BLOCK_ROWS[packed.form]
    blocks = packed.blocks.view(-(-packed.rows // height), -1)[ids_I // height]
    some = Packed(blocks.flatten(), packed.form, len(ids_I) * height, packed.columns)
    rows_IRK = unpack(some).view(len(ids_I), height, packed.columns)
    return rows_IRK[torch.arange(len(ids_I)), ids_I % height]


def quantised_of(packed: Packed) -> Quantised:
    """Values and scales of a packed int8 or int4 matrix."""
    groups = -(-packed.columns // GROUP)
    held_BGx = packed.blocks.view(-1, groups, _GROUP_BYTES[packed.form])
    if packed.form == "int8":
        values, scale, minimum = held_BGx[..., :256].view(torch.int8), held_BGx[..., 256:], None
    else:
        nibbles, scale, minimum = held_BGx[..., :128], held_BGx[..., 128:144], held_BGx[..., 144:]
        values = torch.cat((nibbles & 15, nibbles >> 4), -1).to(torch.int8)
    rows = packed.rows
    values_BRGg = values.reshape(-1, groups, 8, 8, 4).permute(0, 3, 1, 2, 4).flatten(3)
    return Quantised(
        values_BRGg.flatten(0, 1)[:rows].contiguous(),
        _halves(scale, rows),
        None if minimum is None else _halves(minimum, rows),
        packed.columns,
    )


def _halves(held_BGx: Tensor, rows: int) -> Tensor:
    return held_BGx.contiguous().view(torch.float16).transpose(1, 2).flatten(0, 1)[:rows].contiguous()


def _laid_groups(held: Quantised) -> Tensor:
    missing = -held.values_NGg.shape[0] % 8
    values_NGg = F.pad(held.values_NGg, (0, 0, 0, 0, 0, missing))
    chunks = values_NGg.view(-1, 8, values_NGg.shape[1], 8, 4).permute(0, 2, 3, 1, 4).flatten(3).flatten(2)
    if held.minimum_NG is None:
        return torch.cat((_bytes(chunks), _block_halves(held.scale_NG, missing)), -1).flatten()
    low, high = chunks.view(torch.uint8).chunk(2, -1)
    halves = (_block_halves(each, missing) for each in (held.scale_NG, held.minimum_NG))
    return torch.cat((low | high << 4, *halves), -1).flatten()


def _block_halves(held_NG: Tensor, missing: int) -> Tensor:
    """(B, G, 16) bytes: the eight rows' numbers of a group."""
    padded = F.pad(held_NG, (0, 0, 0, missing))
    return _bytes(padded.view(-1, 8, padded.shape[1]).transpose(1, 2).contiguous())


def _bytes(values: Tensor) -> Tensor:
    return values.contiguous().view(torch.uint8)


def _laid_floats(weight_NK: Tensor, form: Format) -> Tensor:
    rows, columns = weight_NK.shape
    pair = 2 if form == "bfloat16" else 1
    padded = F.pad(weight_NK.detach().to(_FLOATS[form]), (0, -columns % pair, 0, -rows % 16))
    return _bytes(padded.view(-1, 16, padded.shape[1] // pair, pair).transpose(1, 2)).flatten()


def _floats_of(packed: Packed) -> Tensor:
    pair = 2 if packed.form == "bfloat16" else 1
    steps = -(-packed.columns // pair)
    held = packed.blocks.view(_FLOATS[packed.form]).view(-1, steps, 16, pair).transpose(1, 2)
    return held.flatten(2).flatten(0, 1)[: packed.rows, : packed.columns].float()


def product(x_XK: Tensor, packed: Packed, bias_N: Tensor | None = None) -> Tensor:
    """What the native products compute, in plain torch: (..., N) in float32."""
    x_XK = x_XK.float() if packed.form in _FLOATS else rounded_rows(x_XK)
    y_XN: Tensor = F.linear(x_XK, unpack(packed), bias_N)
    return y_XN
