"""Weights in fewer bits, and the layout in which the native products read them.

Formats, of a matrix W (N, K), in groups of 32 neighbouring columns of a row:

    float32, bfloat16   as they are
    int8                weight = scale * value, value in -127..127, scale in float16
    int4                weight = scale * value + minimum, value in 0..15, both in float16 (as GGUF's Q4_1)

Weights that lie on such a 4-bit grid already, as those of a Q4_1 file, are kept exactly. ``quantise`` and
``dequantise`` have values and scales as plain tensors; ``pack`` and ``unpack`` lay them out in blocks of rows
(``cpp/linear_layout.h``), padded with zeros to whole blocks and groups.

Shape legend: N rows, K columns, G groups of a row, B blocks, R rows of a block.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from colonnade.errors import InvalidArgument

Format = Literal["float32", "bfloat16", "int8", "int4"]
FORMATS: tuple[Format, ...] = get_args(Format)
GROUP = 32
"""Columns that share a scale."""
BLOCK_ROWS: dict[Format, int] = {"float32": 16, "bfloat16": 16, "int8": 8, "int4": 8}
_GROUP_BYTES: dict[Format, int] = {"int8": 8 * 32 + 8 * 2, "int4": 8 * 16 + 2 * 8 * 2}
_TRIED = 1024
_STEPS: dict[Format, int] = {"int8": 127, "int4": 15}
_FLOATS: dict[Format, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class Quantised:
    """Values in groups, before they are laid out."""

    values_NGg: Tensor
    """int8: -127..127, or 0..15; g is 32."""
    scale_NG: Tensor
    """float16."""
    minimum_NG: Tensor | None
    """float16; None if symmetric."""
    columns: int
    """K: the last group is padded with columns that do not exist."""


def quantise(weight_NK: Tensor, form: Format) -> Quantised:
    """Rounds to the nearest values of the grid; ``form`` is int8 or int4. What is NaN or infinite makes its
    whole group NaN."""
    _check(weight_NK)
    return _rounded(_grouped(weight_NK), form, _STEPS[form], weight_NK.shape[1])


def on_grid(weight_NK: Tensor, form: Format) -> Quantised | None:
    """The values that give back ``weight_NK``, where such a grid is what the weights came from; else None.

    Gives back: to within 1/64 of a step. Formats whose scales are finer than float16 (GGUF's K-quants) come
    out that close, and others exactly. A few groups are tried before all."""
    _check(weight_NK)
    grouped_NGg = _grouped(weight_NK)
    some = grouped_NGg.flatten(0, 1)
    some = some[:: -(-len(some) // _TRIED), None]
    if _fitted(some, form, GROUP) is None:
        return None
    return _fitted(grouped_NGg, form, weight_NK.shape[1])


def _fitted(w_NGg: Tensor, form: Format, columns: int) -> Quantised | None:
    """The span of a group may be fewer steps than the format has: they are tried one after another."""
    held = _rounded(w_NGg, form, _STEPS[form], columns)
    missed_NG = _missed(w_NGg, held)
    for steps in range(14, 0, -1) if form == "int4" else ():
        if not bool(missed_NG.any()):
            break
        again = _rounded(w_NGg[missed_NG][:, None], form, steps, columns)
        held.values_NGg[missed_NG] = again.values_NGg[:, 0]
        held.scale_NG[missed_NG] = again.scale_NG[:, 0]
        missed_NG[missed_NG.clone()] = _missed(w_NGg[missed_NG][:, None], again)[:, 0]
    return None if bool(missed_NG.any()) else held


def _missed(w_NGg: Tensor, held: Quantised) -> Tensor:
    error_NG = (_expanded(held) - w_NGg).abs().amax(-1)
    return ~(error_NG <= held.scale_NG.float() / 64)  # true for NaN as well


def _grouped(weight_NK: Tensor) -> Tensor:
    """(N, G, 32) in float32. Columns that do not exist repeat one of their group, so that its range is the
    same; they meet zeros of x."""
    weight = weight_NK.detach().float()
    if missing := -weight.shape[1] % GROUP:
        weight = torch.cat((weight, weight[:, -1:].expand(-1, missing)), 1)
    return weight.view(len(weight), -1, GROUP)


def _rounded(w_NGg: Tensor, form: Format, steps: int, columns: int) -> Quantised:
    """To the grid whose range is the group's, in ``steps`` (of the positive half if symmetric)."""
    if form == "int8":
        scale_NG = (w_NGg.abs().amax(-1) / steps).half()
        values = (w_NGg / _divisor(scale_NG)).round().clamp(-steps, steps)
        return Quantised(_whole(values), scale_NG, None, columns)
    low_NG, high_NG = w_NGg.amin(-1), w_NGg.amax(-1)  # aminmax is many times slower
    minimum_NG = low_NG.half()
    scale_NG = ((high_NG - low_NG) / steps).half()
    values = ((w_NGg - minimum_NG.float()[..., None]) / _divisor(scale_NG)).round().clamp(0, 15)
    return Quantised(_whole(values), scale_NG, minimum_NG, columns)


def _divisor(scale_NG: Tensor) -> Tensor:
    """Infinite where the scale is zero, so that all values are zero then."""
    scale = scale_NG.float()[..., None]
    return torch.where(scale == 0, torch.inf, scale)


def _whole(values: Tensor) -> Tensor:
    return values.nan_to_num().to(torch.int8)


def _expanded(held: Quantised) -> Tensor:
    weight_NGg = held.values_NGg.float() * held.scale_NG.float()[..., None]
    return weight_NGg if held.minimum_NG is None else weight_NGg + held.minimum_NG.float()[..., None]


def dequantise(held: Quantised) -> Tensor:
    """(N, K) in float32."""
    return _expanded(held).flatten(1)[:, : held.columns].contiguous()


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
    if form not in _FLOATS:
        return lay_out(quantise(weight_NK, form))
    _check(weight_NK)
    return Packed(_laid_floats(weight_NK, form), form, *weight_NK.shape)


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


def rounded_rows(x_XK: Tensor) -> Tensor:
    """Activations as the int8 and int4 products see them: each row in groups of 32 of -127..127 times a
    scale. A group that holds NaN or infinity becomes NaN."""
    columns = x_XK.shape[-1]
    x_XP = F.pad(x_XK.float(), (0, -columns % GROUP))
    x_XGg = x_XP.view(*x_XP.shape[:-1], x_XP.shape[-1] // GROUP, GROUP)
    largest = x_XGg.abs().amax(-1, keepdim=True)
    inverse = 127 / largest
    inverse = torch.where(inverse.isinf(), 0.0, inverse)  # nothing there, or too small to tell apart
    values = (x_XGg * inverse).round()
    return (values * (largest / 127)).flatten(-2)[..., :columns]


def product(x_XK: Tensor, packed: Packed, bias_N: Tensor | None = None) -> Tensor:
    """What the native products compute, in plain torch: (..., N) in float32."""
    x_XK = x_XK.float() if packed.form in _FLOATS else rounded_rows(x_XK)
    y_XN: Tensor = F.linear(x_XK, unpack(packed), bias_N)
    return y_XN


def _check(weight_NK: Tensor) -> None:
    if weight_NK.dim() != 2 or 0 in weight_NK.shape or not weight_NK.is_floating_point():
        raise InvalidArgument(f"a matrix of floats is packed, not {tuple(weight_NK.shape)}", field="weights")
