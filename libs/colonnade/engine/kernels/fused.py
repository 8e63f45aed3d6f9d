"""Transformer layers over packed weights: each in one native call, or all of them in one.

A fused layer has the modules of the one it replaces, under the same names, and the same forward. It runs
natively where it can: float32 rows on the CPU whose state lies in pages. Anything else, such as whole
sequences in a test, takes the layer's own equations.

The native call has stages (``Stage``). Together they are one parallel region; where a batch carries adapters
they run one by one and the low-rank parts are added in between, so that a row without an adapter gets the
same bits either way. Each row's result depends on that row and on what it attends to, and on nothing else.

Shape legend: N tokens of all spans end to end, X any leading axes, D width.
"""

from collections.abc import Iterator, Sequence
from ctypes import Array, addressof, byref, c_int32, c_int64, c_void_p
from typing import Any, cast

import torch
from torch import Tensor, nn

from colonnade.engine.cache.batch import BatchState
from colonnade.engine.kernels.attention import PAGE_TYPES
from colonnade.engine.kernels.layer_call import NativeBlock, NativeNorm, Place, Stage, Workspace
from colonnade.engine.kernels.linear import PackedLinear
from colonnade.engine.kernels.native import library
from colonnade.models.families.transformer.model import Block
from colonnade.models.layers.attention import Attend, Stored
from colonnade.models.layers.chain import Chain
from colonnade.models.layers.lora import added_to
from colonnade.models.layers.rope import Rotation

_FIRST, _LAST = c_int32(Stage.PROJECT), c_int32(Stage.CLOSE)


def products_of(block: Block) -> tuple[nn.Module, ...]:
    mixing, feeding = block.attention, block.feed_forward
    return (mixing.query, mixing.key, mixing.value, mixing.output, feeding.gate, feeding.up, feeding.down)


def widths_of(block: Block) -> tuple[int, ...]:
    """Of the buffers between stages, in their order."""
    shape, hidden = block.attention.shape, block.feed_forward.gate.out_features
    queries, keys = shape.heads * shape.head_width, shape.kv_heads * shape.head_width
    return shape.width, queries, keys, keys, queries, shape.width, hidden, hidden


def _native() -> Any:
    native = library()
    assert native is not None, "it was there when the layer was fused"
    return native


def _paged(attend: Attend) -> BatchState | None:
    """The state behind ``attend``, if it lies in pages."""
    return attend.state if isinstance(attend, Stored) and isinstance(attend.state, BatchState) else None


def _fits(x_XD: Tensor, pages: Tensor) -> bool:
    return x_XD.dtype == torch.float32 and pages.device.type == "cpu" and pages.dtype in PAGE_TYPES


class FusedBlock(Block):
    """``Block`` in one call."""

    def __init__(self, block: Block, workspace: Workspace) -> None:
        nn.Module.__init__(self)
        for name, layer in block.named_children():
            self.add_module(name, layer)
        self.workspace = workspace
        self.products = products_of(block)
        self.scale = self.attention.shape.head_width**-0.5
        self._described: NativeBlock | None = None

    @property
    def described(self) -> NativeBlock:
        """For the native call. Valid while its tensors stay where they are."""
        if self._described is None:
            self._described = _described(self)
        return self._described

    @property
    def adapted(self) -> bool:
        return any(map(added_to, self.products))

    def forward(self, x_XD: Tensor, rotation: Rotation, attend: Attend) -> Tensor:
        state = _paged(attend)
        if state is None:
            return super().forward(x_XD, rotation, attend)
        pages, window = state.paged(cast("Stored", attend).name)
        if not _fits(x_XD, pages):
            return super().forward(x_XD, rotation, attend)
        x_ND, workspace = x_XD.contiguous(), self.workspace
        workspace.begin(len(x_ND), state.layout, rotation)
        out_ND = torch.empty_like(x_ND)
        forward = workspace.forward
        forward.x, forward.out, forward.pages = x_ND.data_ptr(), out_ND.data_ptr(), pages.data_ptr()
        forward.page_type, forward.window, forward.scale = PAGE_TYPES[pages.dtype], window or 0, self.scale
        if self.adapted:
            self._run_adapted()
        else:
            self._run(_FIRST, _LAST)
        return out_ND

    def _run(self, first: c_int32, last: c_int32) -> None:
        _native().colonnade_block(byref(self.described), self.workspace.address, first, last)

    def _run_adapted(self) -> None:
        """Stage by stage, with what adapters add to each product right behind it."""
        query, key, value, output, gate, up, down = self.products
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
                add(self.workspace.rows(inputs), self.workspace.rows(name))

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_described": None}  # a copy's tensors lie elsewhere


class FusedChain(Chain):
    """``Chain`` of fused blocks in one call, where none of them is adapted."""

    def __init__(self, chain: Chain) -> None:
        super().__init__(chain)
        self._described: Array[Any] | None = None

    def forward(self, x_XD: Tensor, rotation: Rotation, attends: Sequence[Attend]) -> Tensor:
        state, blocks = _paged(attends[0]), list(self._fused())
        if state is None or any(_paged(attend) is not state for attend in attends):
            return super().forward(x_XD, rotation, attends)
        found = [state.paged(cast("Stored", attend).name) for attend in attends]
        if any(block.adapted for block in blocks) or not _fits(x_XD, found[0][0]):
            return super().forward(x_XD, rotation, attends)
        x_ND, workspace = x_XD.contiguous(), blocks[0].workspace
        workspace.begin(len(x_ND), state.layout, rotation)
        out_ND, forward = torch.empty_like(x_ND), workspace.forward
        forward.x, forward.out = x_ND.data_ptr(), out_ND.data_ptr()
        forward.page_type, forward.scale = PAGE_TYPES[found[0][0].dtype], blocks[0].scale
        places = (Place * len(blocks))(*(Place(pages.data_ptr(), window or 0) for pages, window in found))
        if self._described is None:
            self._described = (c_void_p * len(blocks))(*(addressof(block.described) for block in blocks))
        _native().colonnade_blocks(self._described, c_int64(len(blocks)), places, workspace.address)
        return out_ND

    def _fused(self) -> Iterator[FusedBlock]:
        return (cast("FusedBlock", block) for block in self._modules.values())

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_described": None}


def _described(block: FusedBlock) -> NativeBlock:
    shape, mixing = block.attention.shape, block.attention
    norms = (block.attention_norm, block.feed_forward_norm, mixing.query_norm, mixing.key_norm)
    return NativeBlock(
        *(addressof(cast("PackedLinear", layer).matrix) for layer in block.products),
        *map(NativeNorm.of, norms),
        shape.width,
        shape.heads,
        shape.kv_heads,
        shape.head_width,
        block.feed_forward.gate.out_features,
    )
