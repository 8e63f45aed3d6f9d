"""Puts fused layers in the place of the shared ones, once a model's weights are packed.

It goes by the type of a layer: one that it does not know stays as it is.
"""

from torch import nn

from colonnade.engine.kernels.fused import FusedBlock, FusedChain, products_of, widths_of
from colonnade.engine.kernels.layer_call import Workspace
from colonnade.engine.kernels.linear import PackedLinear
from colonnade.engine.kernels.native import library
from colonnade.engine.kernels.norm import FusedNorm
from colonnade.engine.kernels.rotation import TabledRotation
from colonnade.models.families.transformer.model import Block
from colonnade.models.layers.chain import Chain
from colonnade.models.layers.norm import RMSNorm
from colonnade.models.layers.rope import RotaryEmbedding


def fuse(model: nn.Module) -> int:
    """Replaces the blocks of ``model`` whose weights are packed, and with them norms and rotations; returns
    how many blocks it replaced."""
    if library() is None:
        return 0
    fused = _blocks(model)
    for path, layer in list(model.named_modules()) if fused else ():
        if type(layer) is Chain and _alike(layer):
            model.set_submodule(path, FusedChain(layer))
        elif type(layer) is RMSNorm:
            model.set_submodule(path, FusedNorm(layer))
        elif type(layer) is RotaryEmbedding:
            model.set_submodule(path, TabledRotation(layer))
    return fused


def _blocks(model: nn.Module) -> int:
    workspaces: dict[tuple[int, ...], Workspace] = {}
    fused = 0
    for path, layer in list(model.named_modules()):
        if type(layer) is Block and all(type(each) is PackedLinear for each in products_of(layer)):
            widths = widths_of(layer)
            workspace = workspaces.setdefault(widths, Workspace(widths))
            model.set_submodule(path, FusedBlock(layer, workspace))
            fused += 1
    return fused


def _alike(chain: Chain) -> bool:
    """Whether all layers are fused and of one size."""
    workspaces = {id(each.workspace) for each in chain if isinstance(each, FusedBlock)}
    return len(workspaces) == 1 and all(isinstance(each, FusedBlock) for each in chain)
