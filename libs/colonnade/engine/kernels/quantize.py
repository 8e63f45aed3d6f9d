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
    columns = weight_NK.shape[1]
    grouped_NGg = F.pad(weight_NK.detach().float(), (0, -columns % GROUP)).unflatten(1, (-1, GROUP))
    if form == "int8":
        return _symmetric(grouped_NGg, columns)
    if form == "int4":
        return _affine(grouped_NGg, columns)
    raise ValueError(form)


def _symmetric(w_NGg: Tensor, columns: int) -> Quantised:
    scale_NG = (w_NGg.abs().amax(-1) / 127).half()
    values = (w_NGg / _divisor(scale_NG)).round().clamp(-127, 127)
    return Quantised(_whole(values), scale_NG, None, columns)


def _affine(w_NGg: Tensor, columns: int) -> Quantised:
    if padding := -columns % GROUP:  # columns that do not exist must not widen the range
        w_NGg = w_NGg.clone()
        w_NGg[:, -1, -padding:] = w_NGg[:, -1, :1]
    low_NG, high_NG = w_NGg.aminmax(dim=-1)
    minimum_NG = low_NG.half()
    scale_NG = ((high_NG - low_NG) / 15).half()
    values = ((w_NGg - minimum_NG.float()[..., None]) / _divisor(scale_NG)).round().clamp(0, 15)
    return Quantised(_whole(values), scale_NG, minimum_NG, columns)


def _divisor(scale_NG: Tensor) -> Tensor:
    """The scale as float32; one where it is zero, as all values are then."""
    scale = scale_NG.float()[..., None]
    return torch.where(scale == 0, torch.inf, scale)


def _whole(values: Tensor) -> Tensor:
    return values.nan_to_num().to(torch.int8)


def dequantise(held: Quantised) -> Tensor:
    """(N, K) in float32."""
    weight_NGg = held.values_NGg.float() * held.scale_NG.float()[..., None]
    if held.minimum_NG is not None:
        weight_NGg = weight_NGg + held.minimum_NG.float()[..., None]
    return weight_NGg.flatten(1)[:, : held.columns].contiguous()


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
    _check(weight_NK)
    rows, columns = weight_NK.shape
    laid = _laid_floats(weight_NK, form) if form in _FLOATS else _laid_groups(quantise(weight_NK, form))
    return Packed(laid, form, rows, columns)


def unpack(packed: Packed) -> Tensor:
    """The matrix that the packed one stands for, (N, K) in float32."""
    if packed.form in _FLOATS:
        return _floats_of(packed)
    return dequantise(quantised_of(packed))


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
    values_BRGg = values.unflatten(-1, (8, 8, 4)).permute(0, 3, 1, 2, 4).flatten(3)
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
    x_XGg = F.pad(x_XK.float(), (0, -x_XK.shape[-1] % GROUP)).unflatten(-1, (-1, GROUP))
    largest = x_XGg.abs().amax(-1, keepdim=True)
    inverse = 127 / largest
    inverse = torch.where(inverse.isinf(), 0.0, inverse)  # nothing there, or too small to tell apart
    values = (x_XGg * inverse).round()
    return (values * (largest / 127)).flatten(-2)[..., : x_XK.shape[-1]]


def product(x_XK: Tensor, packed: Packed, bias_N: Tensor | None = None) -> Tensor:
    """What the native products compute, in plain torch: (..., N) in float32."""
    x = x_XK.float() if packed.form in _FLOATS else rounded_rows(x_XK)
    return F.linear(x, unpack(packed), bias_N)


def _check(weight_NK: Tensor) -> None:
    if weight_NK.dim() != 2 or 0 in weight_NK.shape or not weight_NK.is_floating_point():
        raise InvalidArgument(f"a matrix of floats is packed, not {tuple(weight_NK.shape)}", field="weights")
