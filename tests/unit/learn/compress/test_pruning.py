"""What is cut out is what matters least, and a cut that removes nothing that counts changes nothing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.learn.compress.importance import METHODS, activation, magnitude, taylor
from colonnade.learn.compress.pruning import Kept, Sizes, choose, cut, prune, smaller
from colonnade.models.families.transformer.checkpoint import load, save
from colonnade.models.families.transformer.config import TransformerConfig
from colonnade.models.families.transformer.model import Transformer
from colonnade.models.families.transformer.objective import next_token

TOKENS_BT = torch.arange(60).reshape(3, 20) % 31


def assert_same(found: Tensor, expected: Tensor) -> None:
    """But for the order of additions."""
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def config(**changes: Any) -> TransformerConfig:
    sizes: dict[str, Any] = {
        "vocab_size": 31, "context_length": 64, "width": 24, "layers": 3, "heads": 6, "kv_heads": 3,
        "head_width": 4, "hidden": 20,
    }  # fmt: skip
    return TransformerConfig(**sizes | changes)


def model(made: TransformerConfig | None = None, seed: int = 1) -> Transformer:
    """None of whose weights keeps the zeros and ones that it starts with."""
    torch.manual_seed(seed)
    built = Transformer(made or config())
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in built.parameters():
            value.add_(torch.randn(value.shape, generator=draw) * 0.3)
    return built.eval().requires_grad_(False)


def silence(built: Transformer, layer: int, heads: tuple[int, ...], neurons: tuple[int, ...]) -> None:
    block: Any = built.blocks[layer]
    for head in heads:
        block.attention.output.weight[:, head * 4 : head * 4 + 4] = 0
    block.feed_forward.down.weight[:, list(neurons)] = 0


def score(method: str, built: Transformer) -> Any:
    return METHODS[method](built, [TOKENS_BT[:2], TOKENS_BT[2:]])


@pytest.mark.parametrize("method", METHODS)
def test_cutting_what_writes_nothing_changes_nothing(method: str) -> None:
    built = model(config(qkv_bias=True, output_bias=True, feed_forward_bias=True))
    silent = [((0, 3, 4), (0, 5, 19)), ((1, 2, 5), (7, 8, 9)), ((1, 3, 4), (2, 4, 6))]
    for layer, (heads, neurons) in enumerate(silent):
        silence(built, layer, heads, neurons)
    before = built.forward_full(TOKENS_BT)
    importance = score(method, built)
    kept = choose(built.config, Sizes(heads=3, kv_heads=3, hidden=17), importance)
    for layer, (heads, neurons) in enumerate(silent):
        assert not importance.heads_LH[layer][list(heads)].any()
        assert not importance.neurons_LF[layer][list(neurons)].any()
        assert set(kept.heads[layer]) == set(range(6)) - set(heads)
        assert set(kept.neurons[layer]) == set(range(20)) - set(neurons)
    assert_same(cut(built, kept).forward_full(TOKENS_BT), before)


@pytest.mark.parametrize("method", METHODS)
def test_whole_groups_go_with_their_keys_and_values(method: str) -> None:
    built = model(config(qk_norm=True))
    for layer, group in enumerate((0, 2, 1)):
        silence(built, layer, (2 * group, 2 * group + 1), ())
    before = built.forward_full(TOKENS_BT)
    kept = choose(built.config, Sizes(heads=4), score(method, built))
    assert kept.kv_heads == ((1, 2), (0, 1), (0, 2))
    assert kept.heads[0] == (2, 3, 4, 5)
    pruned = cut(built, kept)
    assert (pruned.config.heads, pruned.config.kv_heads, pruned.states[0].shape) == (4, 2, (2, 4))
    assert_same(pruned.forward_full(TOKENS_BT), before)


@pytest.mark.parametrize("method", METHODS)
def test_a_layer_that_adds_nothing_goes_first(method: str) -> None:
    built = model(config(layers=4))
    silence(built, 2, tuple(range(6)), tuple(range(20)))
    before = built.forward_full(TOKENS_BT)
    importance = score(method, built)
    assert importance.layers_L[2] == pytest.approx(0, abs=1e-6)
    kept = choose(built.config, Sizes(layers=3), importance)
    assert kept.layers == (0, 1, 3)
    assert_same(cut(built, kept).forward_full(TOKENS_BT), before)


def test_magnitude_bounds_what_a_unit_writes() -> None:
    """For inputs of length 1; a unit alone, all others silent."""
    built, importance = model(), magnitude(model())
    block: Any = built.blocks[1]
    for neuron in (0, 7):
        x_ND = torch.nn.functional.normalize(torch.randn(200, 24, generator=torch.Generator().manual_seed(2)))
        layer = block.feed_forward
        value_N = torch.nn.functional.silu(x_ND @ layer.gate.weight[neuron]) * (
            x_ND @ layer.up.weight[neuron]
        )
        written_N = (value_N[:, None] * layer.down.weight[:, neuron]).norm(dim=1)
        assert written_N.max() <= importance.neurons_LF[1, neuron]


def test_activation_is_the_root_mean_square_of_what_is_written() -> None:
    built = model()
    importance = activation(built, [TOKENS_BT[:1], TOKENS_BT[1:]])
    block: Any = built.blocks[1]
    seen: dict[str, Tensor] = {}
    block.attention.output.register_forward_pre_hook(lambda _m, given: seen.update(mixed=given[0]))
    block.feed_forward.down.register_forward_pre_hook(lambda _m, given: seen.update(neurons=given[0]))
    built.forward_full(TOKENS_BT)
    for head in range(6):
        part = slice(head * 4, head * 4 + 4)
        written = seen["mixed"][..., part] @ block.attention.output.weight[:, part].T
        rms = written.square().sum(-1).mean().sqrt()
        torch.testing.assert_close(importance.heads_LH[1, head], rms)
    written = seen["neurons"][..., 3:4] * block.feed_forward.down.weight[:, 3]
    torch.testing.assert_close(importance.neurons_LF[1, 3], written.square().sum(-1).mean().sqrt())


def test_taylor_is_the_slope_of_the_loss_in_a_gate() -> None:
    """The gate's slope by differences in float64, one row, so that the absolute value is of one number."""
    built, row = model().double(), TOKENS_BT[:1]
    importance = taylor(built, [row])
    block: Any = built.blocks[1]

    def loss(gate: float, weight: Tensor, columns: slice) -> float:
        kept = weight.clone()
        weight[:, columns] *= gate
        found = next_token(built, row[:, :-1], row[:, 1:])
        weight.copy_(kept)
        return float(found.nll / found.targets)

    for score_of, weight, columns in (
        (importance.heads_LH[1, 2], block.attention.output.weight, slice(8, 12)),
        (importance.neurons_LF[1, 5], block.feed_forward.down.weight, slice(5, 6)),
    ):
        slope = (loss(1 + 1e-2, weight, columns) - loss(1 - 1e-2, weight, columns)) / 2e-2
        assert float(score_of) == pytest.approx(abs(slope), rel=2e-2, abs=1e-5)


def test_taylor_leaves_weights_that_learn_without_gradients() -> None:
    learning = model().requires_grad_(True)
    torch.testing.assert_close(taylor(learning, [TOKENS_BT]).heads_LH, taylor(model(), [TOKENS_BT]).heads_LH)
    assert all(value.grad is None for value in learning.parameters())


def test_counts_and_weights_of_what_is_kept() -> None:
    built = model(config(tied=False))
    kept = Kept((0, 2), ((0, 3), (2, 5)), ((0, 1), (1, 2)), ((1, 2, 3), (4, 5, 19)))
    pruned = cut(built, kept)
    layer = 24 * (2 * 8 + 2 * 8) + 3 * 24 * 3 + 2 * 24
    assert sum(value.numel() for value in pruned.parameters()) == 2 * 31 * 24 + 24 + 2 * layer
    old, new = dict(built.named_parameters()), dict(pruned.named_parameters())
    rows = [8, 9, 10, 11, 20, 21, 22, 23]
    name = "attention.query.weight"
    assert torch.equal(new[f"blocks.1.{name}"], old[f"blocks.2.{name}"][rows])
    name = "feed_forward.down.weight"
    assert torch.equal(new[f"blocks.1.{name}"], old[f"blocks.2.{name}"][:, [4, 5, 19]])
    new["blocks.0.attention_norm.weight"].zero_()
    assert old["blocks.0.attention_norm.weight"].any(), "the pruned model's weights are its own"


@pytest.mark.parametrize(("heads", "architecture"), [(4, "Llama"), (5, "Mistral")])
def test_the_pruned_model_is_one_of_transformers_too(tmp_path: Path, heads: int, architecture: str) -> None:
    """Llama's configuration takes no number of heads that does not divide the width; Mistral's does."""
    built = model(config(heads=6, kv_heads=6))
    pruned = prune(built, Sizes(heads=heads, hidden=11, layers=2), taylor(built, [TOKENS_BT]))
    save(pruned, tmp_path)
    back = load({path.name: path for path in tmp_path.iterdir()})
    assert back.config == pruned.config
    assert torch.equal(back.forward_full(TOKENS_BT), pruned.forward_full(TOKENS_BT))
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).eval()
    assert type(theirs).__name__ == f"{architecture}ForCausalLM"
    with torch.no_grad():
        logits_BTV = theirs(TOKENS_BT).logits
    torch.testing.assert_close(logits_BTV, pruned.forward_full(TOKENS_BT), rtol=1e-4, atol=1e-4)


def test_windows_go_with_their_layers() -> None:
    built = model(config(qkv_bias=True, windows=(4, None, 4)))
    kept = choose(built.config, Sizes(layers=2), magnitude(built))
    everything = tuple(range(6)), tuple(range(3)), tuple(range(20))
    first = cut(built, replace(kept, layers=(1,), heads=everything[:1], kv_heads=everything[1:2],
                               neurons=everything[2:]))  # fmt: skip
    assert first.config.windows == ()
    pruned = cut(built, kept)
    assert pruned.config.windows == tuple(built.config.window(layer) for layer in kept.layers)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(-1, 18), st.integers(-1, 18),
    st.integers(0, 9),
)  # fmt: skip
def test_any_sizes_are_made_or_refused_by_field(
    groups: int, each: int, layers: int, heads: int, kv_heads: int, hidden: int
) -> None:
    made = config(heads=groups * each, kv_heads=groups, layers=layers, hidden=8, vocab_size=7)
    sizes = Sizes(
        heads=None if heads < 0 else heads, kv_heads=None if kv_heads < 0 else kv_heads, hidden=hidden
    )
    try:
        wanted = smaller(made, sizes)
    except InvalidArgument as error:
        refused = error.details["field"]
    else:
        refused = None
    fits = heads <= groups * each and kv_heads <= groups and 0 not in (heads, kv_heads) and 1 <= hidden <= 8
    changes = max(heads, 0) not in (0, groups * each) or max(kv_heads, 0) not in (0, groups) or hidden < 8
    divides = heads < 0 or (heads % each == 0 and kv_heads < 0) or _divides(heads, kv_heads, groups, each)
    assert (refused is None) == (fits and changes and divides), refused
    if refused is not None:
        assert refused in {"heads", "kv_heads", "hidden"}
        return
    assert sizes.heads in (None, wanted.heads)
    assert sizes.kv_heads in (None, wanted.kv_heads)
    built = model(made)
    pruned = prune(built, sizes, magnitude(built))
    assert pruned.config == wanted
    assert pruned.forward_full(torch.zeros(1, 3, dtype=torch.long)).shape == (1, 3, 7)


def _divides(heads: int, kv_heads: int, groups: int, each: int) -> bool:
    left = groups if kv_heads < 0 else kv_heads
    return left > 0 and heads % left == 0 and heads // left <= each


@pytest.mark.parametrize(
    ("sizes", "field"),
    [
        (Sizes(), "heads"),
        (Sizes(heads=6, hidden=20), "heads"),
        (Sizes(heads=7), "heads"),
        (Sizes(heads=5), "heads"),
        (Sizes(heads=6, kv_heads=2), "heads"),
        (Sizes(kv_heads=4), "kv_heads"),
        (Sizes(hidden=0), "hidden"),
        (Sizes(layers=4), "layers"),
    ],
)
def test_what_is_no_size_is_refused(sizes: Sizes, field: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        smaller(config(), sizes)
    assert refused.value.details["field"] == field


def test_a_model_that_nothing_else_could_open_is_refused_at_once() -> None:
    with pytest.raises(Unsupported, match="heads"):
        smaller(config(heads=6, kv_heads=6, qkv_bias=True, output_bias=True), Sizes(heads=5))


def test_no_rows_are_refused() -> None:
    for method in (activation, taylor):
        with pytest.raises(InvalidArgument, match="calibrate"):
            method(model(), [])
