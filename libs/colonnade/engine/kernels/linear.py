"""Layers over packed weights: what stands in a served model in the place of ``nn.Linear`` and of an embedding
that shares the head's matrix.

Shape legend: X any leading axes, K inputs, N outputs.
"""

import ctypes

import torch
from torch import Tensor, nn

from colonnade.engine.kernels.native import library
from colonnade.models.quantised.layout import Packed, product, unpack_rows
from colonnade.models.quantised.linear import frozen_product
from colonnade.models.quantised.quantize import FORMATS


class Matrix(ctypes.Structure):
    """``PackedMatrix`` of ``cpp/linear.h``: addresses of tensors that whoever holds it keeps alive."""

    _fields_ = (
        ("blocks", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("columns", ctypes.c_int64),
        ("format", ctypes.c_int32),
    )


class _Packed(nn.Module):
    """Holds a packed matrix, and where it lies for the native functions."""

    blocks: Tensor
    bias: Tensor | None

    def __init__(self, packed: Packed, bias_N: Tensor | None = None) -> None:
        super().__init__()
        self.form = packed.form
        self.out_features, self.in_features = packed.rows, packed.columns
        self.register_buffer("blocks", packed.blocks)
        self.register_buffer("bias", None if bias_N is None else bias_N.detach().float())
        self._matrix: Matrix | None = None

    @property
    def packed(self) -> Packed:
        return Packed(self.blocks, self.form, self.out_features, self.in_features)

    @property
    def matrix(self) -> Matrix:
        """Valid while this module lives and its tensors stay where they are."""
        if self._matrix is None:
            bias = None if self.bias is None else self.bias.data_ptr()
            form = FORMATS.index(self.form)
            self._matrix = Matrix(
                self.blocks.data_ptr(), bias, self.out_features, self.in_features, form
            )  # fmt: skip
        return self._matrix

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_matrix": None}  # a copy's tensors lie elsewhere

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}, {self.form}"


class PackedLinear(_Packed):
    """``nn.Linear`` for inference: float32 in and out, rows independent of each other, bit for bit.

    Where a gradient with respect to the input is wanted, it is that of the unpacked weights."""

    def forward(self, x_XK: Tensor) -> Tensor:
        if x_XK.shape[-1] != self.in_features:
            raise ValueError(f"rows of {self.in_features} numbers are wanted, not of {x_XK.shape[-1]}")
        if x_XK.requires_grad and torch.is_grad_enabled():
            return frozen_product(x_XK, self.packed, self.bias)
        native = library()
        if native is None:
            return product(x_XK, self.packed, self.bias).to(x_XK.dtype)
        x_MK = x_XK.float().reshape(-1, self.in_features)
        if x_MK.stride(1) != 1 and x_MK.shape[0] > 0:
            x_MK = x_MK.contiguous()
        y_MN = torch.empty(len(x_MK), self.out_features)
        native.linear(
            ctypes.byref(self.matrix),
            ctypes.c_void_p(x_MK.data_ptr()),
            ctypes.c_int64(x_MK.stride(0)),
            ctypes.c_int64(len(x_MK)),
            ctypes.c_void_p(y_MN.data_ptr()),
            ctypes.c_int64(self.out_features),
            ctypes.c_int32(torch.get_num_threads()),
        )
        return y_MN.view(*x_XK.shape[:-1], self.out_features).to(x_XK.dtype)


class PackedEmbedding(_Packed):
    """``nn.Embedding`` over the packed matrix of a tied head: float32 rows."""

    def forward(self, ids_X: Tensor) -> Tensor:
        native = library()
        if native is None:
            return unpack_rows(self.packed, ids_X.flatten()).view(*ids_X.shape, self.in_features)
        ids = ids_X.long().contiguous()
        out = torch.empty(*ids.shape, self.in_features)
        found = native.linear_rows(
            ctypes.byref(self.matrix),
            ctypes.c_void_p(ids.data_ptr()),
            ctypes.c_int64(ids.numel()),
            ctypes.c_void_p(out.data_ptr()),
        )
        if found != ids.numel():
            raise IndexError("an id is not a row of the embedding")
        return out
