"""The LoRA adapters that a model has in memory, and how one forward applies many of them.

A forward computes every layer's own product once for all rows. Then each adapter of the batch adds its
low-rank part to the rows of its spans. Adapters may differ in rank and in the layers they have a part for;
rows without an adapter are not touched, and a batch without any runs a model that has no hook at all.

``add`` and ``remove`` may be called from another thread than the one that runs forwards: what a forward
applies was looked up when it began. Forwards of one model run one after another.

Shapes: N rows of a batch, I inputs, O outputs.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from colonnade.errors import Internal, NotFound
from colonnade.models.layers.lora import LowRank, add_to, added_to
from colonnade.models.protocol import Batch, Capability, LanguageModel

Parts = Mapping[str, LowRank]
"""One adapter's low-rank parts by the name of their site."""


@dataclass(frozen=True, slots=True)
class Site:
    """A linear layer that adapters may change."""

    module: str
    """Its path in the model. What stands there may be replaced, as by a quantised layer, but not moved."""
    inputs: int
    outputs: int


@dataclass(frozen=True, slots=True)
class _Group:
    """The rows of a batch that one adapter acts on."""

    rows: slice | Tensor
    parts: Parts


class AdapterBank:
    """Belongs to one model; ``with bank.applied(batch):`` stands around its forward."""

    def __init__(self, model: nn.Module, name_of: Callable[[str], str | None]) -> None:
        """``name_of`` gives a linear layer's name in adapter files; None for one that none may change."""
        self._model = model
        self.sites: dict[str, Site] = {}
        for path, module in model.named_modules():
            if isinstance(module, nn.Linear) and (name := name_of(path)) is not None:
                self.sites[name] = Site(path, module.in_features, module.out_features)
        self._loaded: dict[str, Parts] = {}
        self._hooks: dict[str, RemovableHandle] = {}
        """Of the sites that the latest batch with adapters needed."""

    def __contains__(self, digest: object) -> bool:
        return digest in self._loaded

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._loaded))

    def bytes_of(self, digest: str) -> int:
        return sum(part.nbytes for part in self._loaded.get(digest, {}).values())

    @property
    def memory_bytes(self) -> int:
        return sum(self.bytes_of(digest) for digest in self)

    def add(self, digest: str, parts: Parts) -> None:
        """Takes an adapter whose parts fit the sites (``peft.read_parts`` checks that)."""
        for name, part in parts.items():
            site = self.sites[name]
            fits = part.down_RI.shape[1] == site.inputs and part.up_OR.shape[0] == site.outputs
            if not fits:
                raise Internal(f"the adapter's part for {name} does not fit the layer")
        self._loaded[digest] = parts

    def remove(self, digest: str) -> None:
        """Forgets an adapter. Whoever calls this knows that no forward to come has it."""
        self._loaded.pop(digest, None)

    @contextmanager
    def applied(self, batch: Batch) -> Iterator[None]:
        """Has the batch's adapters added while the context lasts. ``NotFound`` for one that is not here."""
        groups = self._groups(batch)
        needed = {name for group in groups for name in group.parts}
        self._hook(needed)
        if not groups:
            yield
            return
        layers = {name: self._layer(name) for name in needed}
        for name, layer in layers.items():
            acting = [(group.rows, group.parts[name]) for group in groups if name in group.parts]
            add_to(layer, partial(_add, acting, len(batch.tokens_N)))
        try:
            yield
        finally:
            for layer in layers.values():
                add_to(layer, None)

    def _groups(self, batch: Batch) -> list[_Group]:
        rows: dict[str, list[tuple[int, int]]] = {}
        start = 0
        for adapter, spans in groupby(batch.spans, key=lambda span: span.adapter):
            end = start + sum(len(span.tokens) for span in spans)
            if adapter is not None:
                rows.setdefault(adapter, []).append((start, end))
            start = end
        device = batch.tokens_N.device
        return [_Group(_rows(pieces, device), self._parts(adapter)) for adapter, pieces in rows.items()]

    def _parts(self, digest: str) -> Parts:
        if digest not in self._loaded:
            raise NotFound("the adapter is not loaded", field="model.adapter")
        return self._loaded[digest]

    def _hook(self, needed: set[str]) -> None:
        """Hooks cost a little at each call even where they have nothing to do: none without adapters."""
        for name in self._hooks.keys() - needed if needed else list(self._hooks):
            self._hooks.pop(name).remove()
        for name in needed - self._hooks.keys():
            self._hooks[name] = self._layer(name).register_forward_hook(_after)

    def _layer(self, name: str) -> nn.Module:
        return self._model.get_submodule(self.sites[name].module)


class Adaptable(Protocol):
    """What a model has that declares the capability ``adapters``."""

    adapters: AdapterBank


def bank_of(model: LanguageModel) -> AdapterBank | None:
    """None for a model that takes no adapters."""
    return cast("Adaptable", model).adapters if Capability.ADAPTERS in model.capabilities else None


def _after(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    if (add := added_to(layer)) is not None:
        add(inputs[0], output)


def _rows(pieces: list[tuple[int, int]], device: torch.device) -> slice | Tensor:
    if len(pieces) == 1:
        return slice(*pieces[0])
    return torch.cat([torch.arange(start, end, device=device) for start, end in pieces])


def _add(acting: list[tuple[slice | Tensor, LowRank]], count: int, x_NI: Tensor, y_NO: Tensor) -> None:
    if len(x_NI) != count:
        raise Internal("a layer with an adapter was called with other rows than the batch has")
    for rows, part in acting:
        y_NO[rows] += part(x_NI[rows])
