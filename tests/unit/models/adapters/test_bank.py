"""Many adapters in one forward, against the same adapters merged into the weights."""

from collections.abc import Mapping, Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from colonnade.errors import Internal, NotFound
from colonnade.models.adapters.bank import Parts
from colonnade.models.families.transformer import Transformer
from colonnade.models.layers.lora import LowRank, added_to
from colonnade.models.protocol import Batch, Span
from colonnade.models.reference_state import ReferenceStates
from tests.unit.models import adapter_files
from tests.unit.models.running import randomised

TOKENS = [5, 17, 3, 88, 41, 9, 60]


def random_parts(
    model: Transformer, rank: int, targets: Sequence[str] = adapter_files.ALL, seed: int = 0
) -> Parts:
    """Each target has a part, of numbers about as large as the weights'."""
    random = torch.Generator().manual_seed(seed)
    return {
        name: LowRank(
            torch.randn(rank, site.inputs, generator=random) * 0.2,
            torch.randn(rank, site.outputs, generator=random) * 0.2,
        )
        for name, site in model.adapters.sites.items()
        if name.rpartition(".")[2] in targets
    }


def logits(model: Transformer, *asked: tuple[Sequence[int], str | None]) -> list[Tensor]:
    """Of all positions of several texts, each with its adapter, in one forward."""
    spans = [
        Span(handle, tokens, 0, commit=len(tokens), want=range(len(tokens)), adapter=adapter)
        for handle, (tokens, adapter) in enumerate(asked)
    ]
    with torch.inference_mode():
        batch = Batch.of(spans)
        rows = model.forward(batch, ReferenceStates(model.states).of(batch)).logits_WV
    return list(torch.split(rows, [len(tokens) for tokens, _ in asked]))


def hooks(model: Transformer) -> int:
    return sum(len(module._forward_hooks) for module in model.modules())


def test_an_adapter_answers_as_if_it_were_merged() -> None:
    model = randomised()
    parts = random_parts(model, 4)
    model.adapters.add("a", parts)
    (found,) = logits(model, (TOKENS, "a"))
    (plain,) = logits(model, (TOKENS, None))
    (expected,) = logits(adapter_files.merged(model, parts), (TOKENS, None))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert (found - plain).abs().max() > 0.1


_TARGETS = st.lists(st.sampled_from(adapter_files.ALL), min_size=1, unique=True)
_ADAPTERS = st.lists(st.tuples(st.integers(1, 9), _TARGETS), min_size=1, max_size=5)


@settings(max_examples=25)
@given(
    made=_ADAPTERS,
    rows=st.lists(st.tuples(st.integers(1, 7), st.integers(-1, 4)), min_size=1, max_size=9),
)
def test_ranks_and_targets_of_any_kind_in_one_batch(
    made: list[tuple[int, list[str]]], rows: list[tuple[int, int]]
) -> None:
    model = randomised()
    adapters: Mapping[str, Parts] = {
        str(number): random_parts(model, rank, targets, number) for number, (rank, targets) in enumerate(made)
    }
    for digest, parts in adapters.items():
        model.adapters.add(digest, parts)
    asked = [(TOKENS[:length], None if chosen < 0 else str(chosen % len(made))) for length, chosen in rows]
    expected = []
    for tokens, adapter in asked:
        alone = randomised() if adapter is None else adapter_files.merged(randomised(), adapters[adapter])
        expected += logits(alone, (tokens, None))
    for found, wanted in zip(logits(model, *asked), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_rows_without_an_adapter_are_bit_for_bit_as_without_any() -> None:
    model = randomised()
    asked = [(TOKENS, None), (TOKENS[:3], None), (TOKENS, None)]
    before = logits(model, *asked)
    model.adapters.add("a", random_parts(model, 4))
    after = logits(model, asked[0], (TOKENS[:3], "a"), asked[2])
    assert torch.equal(after[0], before[0])
    assert torch.equal(after[2], before[2])
    assert not torch.equal(after[1], before[1])


def test_a_batch_without_adapters_runs_without_a_hook() -> None:
    model = randomised()
    model.adapters.add("q", random_parts(model, 2, ["q_proj"]))
    model.adapters.add("all", random_parts(model, 2))
    assert hooks(model) == 0
    logits(model, (TOKENS, "q"))
    assert hooks(model) == model.config.layers
    logits(model, (TOKENS, "all"))
    assert hooks(model) == 7 * model.config.layers
    logits(model, (TOKENS, None))
    assert hooks(model) == 0


def test_nothing_stays_on_the_layers_after_a_forward_that_fails() -> None:
    model = randomised()
    model.adapters.add("a", random_parts(model, 2))
    broken = model.get_submodule("blocks.2.feed_forward.up")
    broken.register_forward_pre_hook(_fail)
    with pytest.raises(RuntimeError, match="on purpose"):
        logits(model, (TOKENS, "a"))
    assert all(added_to(module) is None for module in model.modules())


def test_an_adapter_that_is_not_there_is_refused() -> None:
    model = randomised()
    model.adapters.add("a", random_parts(model, 2))
    model.adapters.remove("a")
    with pytest.raises(NotFound) as refused:
        logits(model, (TOKENS, "a"))
    assert refused.value.details["field"] == "model.adapter"
    assert "a" not in model.adapters
    assert model.adapters.memory_bytes == 0


def test_parts_that_do_not_fit_are_refused() -> None:
    model = randomised()
    name = "model.layers.0.self_attn.k_proj"
    with pytest.raises(Internal, match="k_proj"):
        model.adapters.add("a", {name: LowRank(torch.ones(1, 32), torch.ones(1, 32))})


def test_other_rows_than_the_batch_are_refused() -> None:
    """A layer that sees only some of the rows would get another's adapter."""
    model = randomised()
    model.adapters.add("a", random_parts(model, 2))
    with model.adapters.applied(_batch("a")), pytest.raises(Internal, match="rows"):
        model.get_submodule("blocks.0.attention.query")(torch.ones(2, 32))


def test_a_replaced_layer_is_adapted_too() -> None:
    """As when a quantised layer takes the place of a plain one."""

    class Packed(nn.Module):
        def __init__(self, base: nn.Linear) -> None:
            super().__init__()
            self.register_buffer("kept", base.weight.detach().clone())

        def forward(self, x: Tensor) -> Tensor:
            return x @ self.get_buffer("kept").T

    model, plain = randomised(), randomised()
    parts = random_parts(model, 4)
    for site in model.adapters.sites.values():
        parent, _, name = site.module.rpartition(".")
        layer = model.get_submodule(site.module)
        assert isinstance(layer, nn.Linear)
        setattr(model.get_submodule(parent), name, Packed(layer))
    model.adapters.add("a", parts)
    (found,) = logits(model, (TOKENS, "a"))
    (expected,) = logits(adapter_files.merged(plain, parts), (TOKENS, None))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_a_fused_layer_gives_each_part_its_columns() -> None:
    """The seam for products that are computed together."""
    model = randomised()
    model.adapters.add("a", random_parts(model, 4))
    attention = model.get_submodule("blocks.1.attention")
    layers = [attention.get_submodule(name) for name in ("query", "key", "value")]
    x_ND = torch.randn(len(TOKENS), model.config.width)
    with torch.inference_mode(), model.adapters.applied(_batch("a")):
        expected = torch.cat([layer(x_ND) for layer in layers], dim=1)
        fused = torch.cat([layer.get_parameter("weight") for layer in layers]) @ x_ND.T
        widths = [layer.get_parameter("weight").shape[0] for layer in layers]
        columns = torch.split(fused.T.contiguous(), widths, 1)
        for layer, mine in zip(layers, columns, strict=True):
            add = added_to(layer)
            assert add is not None
            add(x_ND, mine)
    torch.testing.assert_close(torch.cat(columns, dim=1), expected)


def test_sites_are_named_as_in_the_checkpoint() -> None:
    model = randomised()
    sites = model.adapters.sites
    assert len(sites) == 7 * model.config.layers
    assert sites["model.layers.2.mlp.down_proj"].module == "blocks.2.feed_forward.down"
    assert "lm_head" not in sites


def _batch(adapter: str) -> Batch:
    return Batch.of([Span(0, TOKENS, 0, commit=len(TOKENS), adapter=adapter)])


def _fail(*_: object) -> None:
    raise RuntimeError("on purpose")
