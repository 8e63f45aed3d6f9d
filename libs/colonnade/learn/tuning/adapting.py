"""A model with an adapter in training: which layers get a part, and what is kept of it."""

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.learn.tuning.settings import AdapterTuning
from colonnade.models.adapters import Site, bank_of
from colonnade.models.layers.lora import LoRALinear
from colonnade.models.protocol import LanguageModel
from colonnade.models.quantised.linear import FrozenLinear

Sites = Mapping[str, Site]
"""Layers by their names in adapter files."""


def adapt(model: nn.Module, settings: AdapterTuning) -> None:
    """Freezes all weights, and puts a low-rank part beside each layer that is meant, drawn from torch's
    global generator. Raises ``InvalidArgument`` for a target that no layer has."""
    model.requires_grad_(False)
    for site in chosen(model, settings).values():
        base = model.get_submodule(site.module)
        assert isinstance(base, nn.Linear | FrozenLinear)
        layer = LoRALinear(
            base,
            settings.rank,
            settings.alpha,
            rank_stabilised=settings.rank_stabilised,
            dropout=settings.dropout,
        )
        model.set_submodule(site.module, layer)


def chosen(model: nn.Module, settings: AdapterTuning) -> Sites:
    """The layers that get a part."""
    sites = sites_of(model)
    known = sorted({_kind(name) for name in sites})
    if unknown := sorted(set(settings.targets) - set(known)):
        raise InvalidArgument(
            f"tuning.targets: the model has no layer {', '.join(unknown)}; it has {', '.join(known)}",
            field="tuning.targets",
        )
    targets = settings.targets or known
    return {name: site for name, site in sites.items() if _kind(name) in targets}


def sites_of(model: nn.Module) -> Sites:
    bank = bank_of(cast("LanguageModel", model))
    if bank is None:
        raise Unsupported("models of this family take no adapters", field="tuning.kind")
    return bank.sites


def parts(learnt: Mapping[str, Tensor], sites: Sites) -> dict[str, tuple[Tensor, Tensor]]:
    """A and B of each layer by its name in adapter files, (R, I) and (O, R), out of a model's own tensors."""
    return {
        name: (learnt[f"{site.module}.down"], learnt[f"{site.module}.up"])
        for name, site in sites.items()
        if f"{site.module}.down" in learnt
    }


@torch.no_grad()
def merge(model: nn.Module, learnt: Mapping[str, Tensor], scale: float) -> None:
    """Adds what was learnt to the weights of ``model``, which has no adapter: W + s B A, in float32."""
    sites = sites_of(model)
    for name, (down_RI, up_OR) in parts(learnt, sites).items():
        weight_OI = cast("nn.Linear", model.get_submodule(sites[name].module)).weight
        added_OI = (up_OR.float() @ down_RI.float()) * scale
        weight_OI.copy_((weight_OI.float() + added_OI).to(weight_OI.dtype))


def _kind(name: str) -> str:
    return name.rpartition(".")[2]
