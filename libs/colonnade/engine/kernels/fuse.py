"""Whole layers in one native call each, in the place of the shared ones, once their weights are packed.

A fused layer has the modules of the one it replaces, under the same names, and the same forward. It runs
natively where it can: float32 rows on the CPU whose state lies in pages. Anything else, such as whole
sequences in a test, takes the layer's own equations. A layer that this module does not know stays as it is.

The native call has stages (``Stage``). Together they are one parallel region; where a batch carries adapters
they run one by one and the low-rank parts are added in between, so that a row without an adapter gets the
same bits either way. Each row's result depends on that row and on what it attends to, and on nothing else.

Shape legend: N tokens of all spans end to end, D width, H query heads, K key-value heads, d head width, F
feed-forward width.
"""

from collections.abc import Sequence
from ctypes import Structure, byref, c_float, c_int32, c_int64, c_void_p, pointer
from enum import IntEnum
from typing import Any

import torch
from torch import Tensor, nn

from colonnade.engine.cache.batch import BatchState
from colonnade.engine.kernels.attention import PAGE_TYPES, Layout
from colonnade.engine.kernels.linear import PackedLinear
from colonnade.engine.kernels.native import library
from colonnade.models.families.transformer.model import Block
from colonnade.models.layers.attention import Attend, Stored
from colonnade.models.layers.lora import added_to
from colonnade.models.layers.norm import RMSNorm
from colonnade.models.layers.rope import RotaryEmbedding, Rotation


class Stage(IntEnum):
    """Of ``cpp/block.h``: where the native call may begin and end."""

    PROJECT = 0
    ATTEND = 1
    OUTPUT = 2
    EXPAND = 3
    CONTRACT = 4
    CLOSE = 5


_FIRST, _LAST = c_int32(Stage.PROJECT), c_int32(Stage.CLOSE)


class _Norm(Structure):
    _fields_ = (("weight", c_void_p), ("epsilon", c_float))

    @classmethod
    def of(cls, norm: RMSNorm | None) -> "_Norm":
        return cls() if norm is None else cls(norm.weight.data_ptr(), norm.epsilon)


_PRODUCTS = ("query", "key", "value", "output", "gate", "up", "down")
_NORMS = ("attention_norm", "feed_forward_norm", "query_norm", "key_norm")


class _Block(Structure):
    _fields_ = (
        *((name, c_void_p) for name in _PRODUCTS),
        *((name, _Norm) for name in _NORMS),
        *((name, c_int64) for name in ("width", "heads", "kv_heads", "head_width", "hidden")),
    )


_BUFFERS = ("normed", "query", "key", "value", "mixed", "change", "gate", "up")


class _Forward(Structure):
    _fields_ = (
        ("count", c_int64),
        ("spans", c_void_p),
        *((name, c_void_p) for name in ("cosine", "sine", *_BUFFERS)),
        ("threads", c_int32),
        *((name, c_void_p) for name in ("x", "out", "pages")),
        *((name, c_int64) for name in ("page_type", "window")),
        ("scale", c_float),
    )


def fuse(model: nn.Module) -> int:
    """Replaces the blocks of ``model`` whose weights are packed; returns how many it replaced.

    The norms and the rotation between them become native, too."""
    if library() is None:
        return 0
    workspaces: dict[tuple[int, ...], Workspace] = {}
    fused = 0
    for path, layer in list(model.named_modules()):
        if type(layer) is Block and _packed(layer):
            widths = _widths(layer)
            workspace = workspaces.setdefault(widths, Workspace(widths))
            model.set_submodule(path, FusedBlock(layer, workspace))
            fused += 1
    for path, layer in list(model.named_modules()) if fused else ():
        if type(layer) is RMSNorm and layer.weight.device.type == "cpu":
            model.set_submodule(path, NativeNorm(layer))
        elif type(layer) is RotaryEmbedding:
            model.set_submodule(path, TabledRotation(layer))
    return fused


def _products(block: Block) -> tuple[nn.Module, ...]:
    mixing, feeding = block.attention, block.feed_forward
    return (mixing.query, mixing.key, mixing.value, mixing.output, feeding.gate, feeding.up, feeding.down)


def _packed(block: Block) -> bool:
    return all(type(layer) is PackedLinear for layer in _products(block))


def _widths(block: Block) -> tuple[int, ...]:
    """Of the buffers, in their order."""
    shape, hidden = block.attention.shape, block.feed_forward.gate.out_features
    queries, keys = shape.heads * shape.head_width, shape.kv_heads * shape.head_width
    return shape.width, queries, keys, keys, queries, shape.width, hidden, hidden


class NativeNorm(RMSNorm):
    """``RMSNorm`` in one call, with the very arithmetic of the fused layers."""

    def __init__(self, norm: RMSNorm) -> None:
        nn.Module.__init__(self)
        self.epsilon, self.weight = norm.epsilon, norm.weight

    def forward(self, x_XD: Tensor) -> Tensor:
        native = library()
        if native is None or x_XD.dtype != torch.float32 or x_XD.requires_grad:
            return super().forward(x_XD)
        x_XD = x_XD.contiguous()
        out_XD, width = torch.empty_like(x_XD), x_XD.shape[-1]
        native.colonnade_rms_norm(
            c_void_p(x_XD.data_ptr()),
            c_void_p(self.weight.data_ptr()),
            c_float(self.epsilon),
            c_int64(x_XD.numel() // width),
            c_int64(width),
            c_void_p(out_XD.data_ptr()),
        )
        return out_XD


class TabledRotation(RotaryEmbedding):
    """``RotaryEmbedding`` that looks up what it has computed before."""

    _STEP, _MOST = 1024, 1 << 14

    def __init__(self, rope: RotaryEmbedding) -> None:
        nn.Module.__init__(self)
        self.register_buffer("frequencies", rope.frequencies, persistent=False)
        self._exact, self.factor = rope._exact, rope.factor
        self._table: Rotation | None = None

    def forward(self, positions_X: Tensor, dtype: torch.dtype) -> Rotation:
        if positions_X.dim() != 1 or dtype != torch.float32 or not len(positions_X):
            return super().forward(positions_X, dtype)
        needed = int(positions_X.max()) + 1
        if needed > self._MOST:
            return super().forward(positions_X, dtype)
        if self._table is None or needed > len(self._table.cos_X1d):
            self._table = self._made(-(-needed // self._STEP) * self._STEP, positions_X.device)
        return Rotation(*(each.index_select(0, positions_X) for each in self._table))

    def _made(self, length: int, device: torch.device) -> Rotation:
        with torch.inference_mode(False):  # for all that come, whatever mode they are in
            return super().forward(torch.arange(length, device=device), torch.float32)


class Workspace:
    """What lies between the stages of one layer; all layers of a model use the same, one after another."""

    def __init__(self, widths: Sequence[int]) -> None:
        self._widths = widths
        self._capacity = 0
        self._held: tuple[Tensor, ...] = ()
        self._seen: tuple[object, ...] = ()
        self.forward = _Forward()
        self.address = byref(self.forward)

    def begin(self, count: int, layout: Layout, rotation: Rotation) -> None:
        """Sets what is the same for all layers of a forward, if this layer is its first."""
        if self._seen == (count, id(layout), id(rotation)):
            return
        if count > self._capacity:
            self._capacity = count
            self._held = tuple(torch.empty(count * width) for width in self._widths)
            for name, held in zip(_BUFFERS, self._held, strict=True):
                setattr(self.forward, name, held.data_ptr())
        self._turns = tuple(each.float().contiguous() for each in rotation)
        self.forward.cosine, self.forward.sine = (each.data_ptr() for each in self._turns)
        self._spans = layout.native
        self.forward.count, self.forward.threads = count, torch.get_num_threads()
        self.forward.spans = c_void_p.from_buffer(pointer(self._spans)).value
        self._seen = (count, id(layout), id(rotation))
        self._alive = (layout, rotation)  # so that no other takes their ids

    def rows(self, name: str) -> Tensor:
        """A buffer's rows of this forward."""
        index = _BUFFERS.index(name)
        count, width = self.forward.count, self._widths[index]
        return self._held[index][: count * width].view(count, width)


class FusedBlock(Block):
    """``Block`` over packed weights."""

    def __init__(self, block: Block, workspace: Workspace) -> None:
        nn.Module.__init__(self)
        for name, layer in block.named_children():
            self.add_module(name, layer)
        self._workspace = workspace
        self._products = _products(block)
        self._scale = self.attention.shape.head_width**-0.5
        self._native: tuple[_Block, Any] | None = None

    def forward(self, x_XD: Tensor, rotation: Rotation, attend: Attend) -> Tensor:
        if not isinstance(attend, Stored) or not isinstance(attend.state, BatchState):
            return super().forward(x_XD, rotation, attend)
        pages, window = attend.state.paged(attend.name)
        if x_XD.dtype != torch.float32 or pages.device.type != "cpu" or pages.dtype not in PAGE_TYPES:
            return super().forward(x_XD, rotation, attend)
        x_ND, workspace = x_XD.contiguous(), self._workspace
        workspace.begin(len(x_ND), attend.state.layout, rotation)
        out_ND = torch.empty_like(x_ND)
        forward = workspace.forward
        forward.x, forward.out, forward.pages = x_ND.data_ptr(), out_ND.data_ptr(), pages.data_ptr()
        forward.page_type, forward.window = PAGE_TYPES[pages.dtype], window or 0
        forward.scale = self._scale
        if any(map(added_to, self._products)):
            self._adapted()
        else:
            self._run(_FIRST, _LAST)
        return out_ND

    def _run(self, first: c_int32, last: c_int32) -> None:
        native = library()
        assert native is not None, "it was there when the layer was fused"
        if self._native is None:
            self._native = _described(self)
        native.colonnade_block(self._native[1], self._workspace.address, first, last)

    def _adapted(self) -> None:
        """Stage by stage, with what adapters add to each product right behind it."""
        query, key, value, output, gate, up, down = self._products
        self._stages(Stage.PROJECT, Stage.PROJECT)
        self._add("normed", {"query": query, "key": key, "value": value})
        self._stages(Stage.ATTEND, Stage.OUTPUT)
        self._add("mixed", {"change": output})
        self._stages(Stage.EXPAND, Stage.EXPAND)
        self._add("normed", {"gate": gate, "up": up})
        self._stages(Stage.CONTRACT, Stage.CONTRACT)
        self._add("gate", {"change": down})
        self._stages(Stage.CLOSE, Stage.CLOSE)

    def _stages(self, first: Stage, last: Stage) -> None:
        self._run(c_int32(first), c_int32(last))

    def _add(self, inputs: str, outputs: dict[str, nn.Module]) -> None:
        for name, layer in outputs.items():
            if (add := added_to(layer)) is not None:
                add(self._workspace.rows(inputs), self._workspace.rows(name))

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_native": None}  # a copy's tensors lie elsewhere


def _described(block: FusedBlock) -> tuple[_Block, Any]:
    """The block for the native call, and a reference to it. Valid while its tensors stay where they are."""
    shape = block.attention.shape
    norms = (
        block.attention_norm, block.feed_forward_norm, block.attention.query_norm, block.attention.key_norm,
    )  # fmt: skip
    products = [layer.matrix for layer in block._products if isinstance(layer, PackedLinear)]
    made = _Block(
        *(c_void_p.from_buffer(pointer(matrix)) for matrix in products),
        *map(_Norm.of, norms),
        shape.width, shape.heads, shape.kv_heads, shape.head_width, block.feed_forward.gate.out_features,
    )  # fmt: skip
    return made, byref(made)
