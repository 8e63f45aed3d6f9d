"""What passes through a ``transformer`` at the places where something can be cut out."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from torch import Tensor, nn

from colonnade.models.families.transformer.model import Transformer


class Watched(NamedTuple):
    """Of one layer and one batch, as (B, T, ...)."""

    mixed_BTH: Tensor
    """What the heads give, side by side, before the output matrix."""
    neurons_BTF: Tensor
    """What the neurons give, before ``down``."""
    before: Tensor
    """What goes into the layer."""
    after: Tensor


@contextmanager
def watched(model: Transformer, *, learns: bool = False) -> Iterator[list[Watched]]:
    """Is filled, a layer an entry, once the context is left. ``learns``: what is seen can be differentiated
    for, also where no weight is being learnt."""
    kept: list[dict[str, Tensor]] = [{} for _ in model.blocks]
    found: list[Watched] = []
    with ExitStack() as hooks:
        if learns:
            hooks.enter_context(
                model.embedding.register_forward_hook(lambda _layer, _given, out: out.requires_grad_())
            )
        for name, layer, place, given in _places(model):
            hook = layer.register_forward_pre_hook if given else layer.register_forward_hook
            hooks.enter_context(hook(_keep(kept[place], name)))
        yield found
    found += [Watched(**each) for each in kept]


def _places(model: Transformer) -> Iterator[tuple[str, nn.Module, int, bool]]:
    """Name, module, layer, and whether what goes into the module is meant (or what comes out)."""
    for place, block in enumerate(model.blocks):
        yield "before", block, place, True
        yield "mixed_BTH", block.get_submodule("attention.output"), place, True
        yield "neurons_BTF", block.get_submodule("feed_forward.down"), place, True
        yield "after", block, place, False


def _keep(kept: dict[str, Tensor], name: str) -> Callable[..., None]:
    def hook(_layer: nn.Module, given: tuple[Any, ...], *out: Tensor) -> None:
        kept[name] = out[0] if out else given[0]

    return hook
