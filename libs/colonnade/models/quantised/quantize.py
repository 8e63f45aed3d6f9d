"""Weights in fewer bits.

Formats, of a matrix W (N, K), in groups of 32 neighbouring columns of a row:

    float32, bfloat16   as they are
    int8                weight = scale * value, value in -127..127, scale in float16
    int4                weight = scale * value + minimum, value in 0..15, both in float16 (as GGUF's Q4_1)

Weights that lie on such a grid already, as those of a Q8_0 or Q4_1 file, are kept exactly. Here values and
scales are plain tensors; ``layout.py`` packs them for the native products.

Shape legend: N rows, K columns, G groups of a row, g columns of a group (32), X any leading axes.
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
_STEPS: dict[Format, int] = {"int8": 127, "int4": 15}


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
    check(weight_NK)
    return _rounded(_grouped(weight_NK), form, _STEPS[form], weight_NK.shape[1])


def on_grid(weight_NK: Tensor, form: Format) -> Quantised | None:
    """The values that give back ``weight_NK``, where such a grid is what the weights came from; else None.

    Gives back: to within 1/64 of a step. Formats whose scales are finer than float16 (GGUF's K-quants) come
    out that close, and others exactly."""
    check(weight_NK)
    return _fitted(_grouped(weight_NK), form, weight_NK.shape[1])


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


def rounded_rows(x_XK: Tensor) -> Tensor:
    """Activations as the int8 and int4 products see them: each row in groups of 32 of -127..127 times a
    scale. A group that holds NaN or infinity becomes NaN."""
    columns = x_XK.shape[-1]
    x_XP = F.pad(x_XK.float(), (0, -columns % GROUP))
    x_XGg = x_XP.view(*x_XP.shape[:-1], x_XP.shape[-1] // GROUP, GROUP)
    largest = x_XGg.abs().amax(-1, keepdim=True)
    inverse = torch.full_like(largest, 127) / largest  # 127 / largest is 127 * (1 / largest) in torch
    inverse = torch.where(inverse.isinf(), 0.0, inverse)  # nothing there, or too small to tell apart
    values = (x_XGg * inverse).round()
    return (values * (largest / 127)).flatten(-2)[..., :columns]


def check(weight_NK: Tensor) -> None:
    """Refuses what is no matrix of floats."""
    if weight_NK.dim() != 2 or 0 in weight_NK.shape or not weight_NK.is_floating_point():
        raise InvalidArgument(f"a matrix of floats is packed, not {tuple(weight_NK.shape)}", field="weights")
