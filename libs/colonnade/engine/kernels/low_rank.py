"""What adapters add to a layer, natively: one call a layer for all rows and adapters of a batch.

Each row's result depends on that row and its adapter alone, to the last bit.
"""

from ctypes import POINTER, Structure, addressof, c_int32, c_int64, c_void_p

import torch
from torch import Tensor

from colonnade.engine.kernels.native import library
from colonnade.models.adapters.bank import Acting, plain
from colonnade.models.layers.lora import Added


class _Part(Structure):
    _fields_ = (
        ("down", c_void_p),
        ("up", c_void_p),
        ("rank", c_int64),
        ("rows", c_void_p),
        ("count", c_int64),
    )


class _Layer(Structure):
    _fields_ = (
        ("inputs", c_int64),
        ("outputs", c_int64),
        ("parts", POINTER(_Part)),
        ("count", c_int64),
    )


def added_natively(acting: Acting) -> Added:
    """A ``colonnade.models.adapters.bank.Kernel``; torch computes what the native one cannot."""
    native, reference = library(), plain(acting)
    if native is None or not all(map(_fit, (part.down_RI for _, part in acting))):
        return reference
    function = native.colonnade_low_rank
    function.argtypes = (c_void_p, c_void_p, c_int64, c_void_p, c_int64, c_int32)
    described = [
        _Part(
            part.down_RI.data_ptr(),
            part.up_RO.data_ptr(),
            part.rank,
            rows.numbers.data_ptr(),
            len(rows.numbers),
        )
        for rows, part in acting
    ]
    first = acting[0][1]
    parts = (_Part * len(described))(*described)
    layer = _Layer(first.down_RI.shape[1], first.up_RO.shape[1], parts, len(described))
    address = addressof(layer)

    def add(x_NI: Tensor, y_NO: Tensor, _alive: object = (acting, parts, layer)) -> None:
        if not (_fit(x_NI) and _fit(y_NO)):
            return reference(x_NI, y_NO)
        threads = torch.get_num_threads()
        function(address, x_NI.data_ptr(), x_NI.stride(0), y_NO.data_ptr(), y_NO.stride(0), threads)
        return None

    return add


def _fit(matrix: Tensor) -> bool:
    return matrix.dtype == torch.float32 and matrix.device.type == "cpu" and matrix.stride(-1) == 1
