"""What the native call of whole layers takes: the structures of ``cpp/block.h``, and the room between stages.

Shape legend: N tokens of all spans end to end.
"""

from collections.abc import Sequence
from ctypes import Structure, addressof, byref, c_float, c_int32, c_int64, c_void_p
from enum import IntEnum

import torch
from torch import Tensor

from colonnade.engine.kernels.attention import Layout
from colonnade.models.layers.norm import RMSNorm
from colonnade.models.layers.rope import Rotation


class Stage(IntEnum):
    """Where the native call may begin and end."""

    PROJECT = 0
    ATTEND = 1
    OUTPUT = 2
    EXPAND = 3
    CONTRACT = 4
    CLOSE = 5


class NativeNorm(Structure):
    _fields_ = (("weight", c_void_p), ("epsilon", c_float))

    @classmethod
    def of(cls, norm: RMSNorm | None) -> "NativeNorm":
        return cls() if norm is None else cls(norm.weight.data_ptr(), norm.epsilon)


class NativeBlock(Structure):
    _fields_ = (
        *((name, c_void_p) for name in ("query", "key", "value", "output", "gate", "up", "down")),
        *((name, NativeNorm) for name in ("attention_norm", "feed_forward_norm", "query_norm", "key_norm")),
        *((name, c_int64) for name in ("width", "heads", "kv_heads", "head_width", "hidden")),
    )


class Place(Structure):
    """Of a layer's state."""

    _fields_ = (("pages", c_void_p), ("window", c_int64))


BUFFERS = ("normed", "query", "key", "value", "mixed", "change", "gate", "up")


class Forward(Structure):
    _fields_ = (
        ("count", c_int64),
        ("spans", c_void_p),
        *((name, c_void_p) for name in ("cosine", "sine", *BUFFERS)),
        ("threads", c_int32),
        *((name, c_void_p) for name in ("x", "out", "pages")),
        *((name, c_int64) for name in ("page_type", "window")),
        ("scale", c_float),
    )


class Workspace:
    """What lies between the stages of one layer; all layers of a model use the same, one after another."""

    def __init__(self, widths: Sequence[int]) -> None:
        """``widths`` are those of ``BUFFERS``."""
        self._widths = widths
        self._capacity = 0
        self._held: tuple[Tensor, ...] = ()
        self._seen: tuple[object, ...] = ()
        self.forward = Forward()
        self.address = byref(self.forward)

    def begin(self, count: int, layout: Layout, rotation: Rotation) -> None:
        """Sets what is the same for all layers of a forward, if this layer is its first."""
        if self._seen == (count, id(layout), id(rotation)):
            return
        if count > self._capacity:
            self._capacity = count
            self._held = tuple(torch.empty(count * width) for width in self._widths)
            for name, held in zip(BUFFERS, self._held, strict=True):
                setattr(self.forward, name, held.data_ptr())
        self._turns = tuple(each.float().contiguous() for each in rotation)
        self.forward.cosine, self.forward.sine = (each.data_ptr() for each in self._turns)
        self._spans = layout.native
        self.forward.count, self.forward.threads = count, torch.get_num_threads()
        self.forward.spans = addressof(self._spans)
        self._seen = (count, id(layout), id(rotation))
        self._alive = (layout, rotation)  # so that no other takes their ids

    def rows(self, name: str) -> Tensor:
        """A buffer's rows of this forward."""
        index = BUFFERS.index(name)
        count, width = self.forward.count, self._widths[index]
        return self._held[index][: count * width].view(count, width)
