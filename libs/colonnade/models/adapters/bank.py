"""The LoRA adapters that a model has in memory, and how one forward applies many of them.

A forward computes every layer's own product once for all rows. Then each adapter of the batch adds its
low-rank part to the rows of its spans. Adapters may differ in rank and in the layers they have a part for;
rows without an adapter are not touched, and a batch without any runs a model that has no hook at all.

``add`` and ``remove`` may be called from another thread than the one that runs forwards: what a forward
applies was looked up when it began. Forwards of one model run one after another.

Shapes: N rows of a batch, I inputs, O outputs.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from colonnade.errors import Internal, NotFound
from colonnade.models.layers.lora import Added, LowRank, add_to, added_to
from colonnade.models.protocol import Batch, Capability, LanguageModel

Parts = Mapping[str, LowRank]
"""One adapter's low-rank parts by the name of their site."""


@dataclass(frozen=True, slots=True)
class Site:
    """A linear layer that adapters may change."""

    module: str
    """Its path in the model. What stands there may be replaced, as by a quantised layer, but not moved, and
    only while no adapter is there."""
    inputs: int
    outputs: int


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows of a batch that one adapter acts on."""

    index: slice | Tensor
    numbers: Tensor
    """The same, one by one, as int32 on the CPU."""

    @classmethod
    def of(cls, pieces: Sequence[tuple[int, int]], device: torch.device) -> "Rows":
        numbers = torch.cat([torch.arange(*piece, dtype=torch.int32) for piece in pieces])
        return cls(slice(*pieces[0]) if len(pieces) == 1 else numbers.long().to(device), numbers)


Acting = Sequence[tuple[Rows, LowRank]]
"""The parts for one layer, each with the rows that it acts on."""
Kernel = Callable[[Acting], Added]


def plain(acting: Acting) -> Added:
    """The kernel that computes anywhere, with torch."""

    def add(x_NI: Tensor, y_NO: Tensor) -> None:
        for rows, part in acting:
            y_NO[rows.index] += part(x_NI[rows.index])

    return add


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """What a forward does for a batch that is laid out like ``shape``."""

    shape: tuple[tuple[str | None, int], ...]
    layers: Mapping[str, nn.Module]
    """By site."""
    added: tuple[tuple[nn.Module, Added], ...]


class AdapterBank:
    """Belongs to one model; ``with bank.applied(batch):`` stands around its forward."""

    def __init__(self, model: nn.Module, name_of: Callable[[str], str | None]) -> None:
        """``name_of`` gives a linear layer's name in adapter files; None for one that none may change."""
        self._model = model
        self.sites: dict[str, Site] = {}
        for path, module in model.named_modules():
            if isinstance(module, nn.Linear) and (name := name_of(path)) is not None:
                self.sites[name] = Site(path, module.in_features, module.out_features)
        self.kernel: Kernel = plain
        """How parts are computed, from the next batch of another layout on."""
        self._loaded: dict[str, Parts] = {}
        self._plan: _Plan | None = None
        """Of the latest batch with adapters: while sequences generate, the next is laid out alike."""
        self._hooks: dict[str, RemovableHandle] = {}
        """By site: those that the latest batch needed."""

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
            fits = part.down_RI.shape[1] == site.inputs and part.up_RO.shape[1] == site.outputs
            if not fits:
                raise Internal(f"the adapter's part for {name} does not fit the layer")
        self._loaded[digest] = parts
        self._plan = None

    def remove(self, digest: str) -> None:
        """Forgets an adapter. Whoever calls this knows that no forward to come has it."""
        self._loaded.pop(digest, None)
        self._plan = None  # it may hold the adapter's weights

    @contextmanager
    def applied(self, batch: Batch) -> Iterator[None]:
        """Has the batch's adapters added while the context lasts. ``NotFound`` for one that is not here."""
        if not any(span.adapter for span in batch.spans):
            self._hook({})
            yield
            return
        plan = self._planned(batch)
        self._hook(plan.layers)
        for layer, added in plan.added:
            add_to(layer, added)
        try:
            yield
        finally:
            for layer, _ in plan.added:
                add_to(layer, None)

    def _planned(self, batch: Batch) -> _Plan:
        shape = tuple((span.adapter, len(span.tokens)) for span in batch.spans)
        plan = self._plan
        if plan is None or plan.shape != shape:
            plan = self._plan = self._new_plan(shape, batch.tokens_N.device)
        return plan

    def _new_plan(self, shape: tuple[tuple[str | None, int], ...], device: torch.device) -> _Plan:
        pieces: dict[str, list[tuple[int, int]]] = {}
        start = 0
        for adapter, spans in groupby(shape, key=lambda span: span[0]):
            end = start + sum(length for _, length in spans)
            if adapter is not None:
                pieces.setdefault(adapter, []).append((start, end))
            start = end
        acting: dict[str, list[tuple[Rows, LowRank]]] = {}
        for adapter, places in pieces.items():
            rows = Rows.of(places, device)
            for name, part in self._parts(adapter).items():
                acting.setdefault(name, []).append((rows, part))
        layers = {name: self._model.get_submodule(self.sites[name].module) for name in acting}
        added = ((layers[name], partial(_add, self.kernel(parts), start)) for name, parts in acting.items())
        return _Plan(shape, layers, tuple(added))

    def _parts(self, digest: str) -> Parts:
        if digest not in self._loaded:
            raise NotFound("the adapter is not loaded", field="model.adapter")
        return self._loaded[digest]

    def _hook(self, needed: Mapping[str, nn.Module]) -> None:
        """Hooks cost a little at each call even where they have nothing to do: none without adapters."""
        if needed.keys() == self._hooks.keys():
            return
        for name in self._hooks.keys() - needed.keys():
            self._hooks.pop(name).remove()
        for name in needed.keys() - self._hooks.keys():
            self._hooks[name] = needed[name].register_forward_hook(_after)


class Adaptable(Protocol):
    """What a model has that declares the capability ``adapters``."""

    adapters: AdapterBank


def bank_of(model: LanguageModel) -> AdapterBank | None:
    """None for a model that takes no adapters."""
    return cast("Adaptable", model).adapters if Capability.ADAPTERS in model.capabilities else None


def _after(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    if (add := added_to(layer)) is not None:
        add(inputs[0], output)


def _add(added: Added, count: int, x_NI: Tensor, y_NO: Tensor) -> None:
    if len(x_NI) != count:
        raise Internal("a layer with an adapter was called with other rows than the batch has")
    added(x_NI, y_NO)
