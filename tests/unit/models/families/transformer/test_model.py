from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.models.families.transformer import Transformer, TransformerConfig, presets
from colonnade.models.layers.rope_scaling import YarnScaling
from colonnade.models.protocol import Batch, Capability, LanguageModel, Span
from colonnade.models.reference_state import ReferenceStates
from tests.unit.models.running import chunked, generate, randomised

DEBUG = presets.debug()
VARIANTS: Mapping[str, TransformerConfig] = {
    "llama": DEBUG,
    "untied": replace(DEBUG, tied=False),
    "mistral": replace(DEBUG, windows=(5,) * 3),
    "some windows": replace(DEBUG, windows=(None, 4, 2)),
    "qwen2": replace(DEBUG, qkv_bias=True),
    "qwen3": replace(DEBUG, qk_norm=True, head_width=12),
    "all biases": replace(DEBUG, qkv_bias=True, output_bias=True, feed_forward_bias=True),
    "yarn": replace(DEBUG, rope_scaling=YarnScaling(4.0, 32)),
}
each_variant = pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS.keys())


def random_tokens(length: int, rows: int = 1) -> torch.Tensor:
    return torch.randint(0, DEBUG.vocab_size, (rows, length))


def test_is_a_language_model() -> None:
    model: LanguageModel = randomised()
    assert (model.vocab_size, model.context_length, model.page_multiple) == (97, 128, 1)
    assert [(s.kind, s.shape, s.window, s.prefix_pure) for s in model.states] == [
        ("paged_kv", (2, 8), None, True)
    ] * 3
    assert model.capabilities == {
        Capability.GENERATE,
        Capability.LOGPROBS,
        Capability.SCORE,
        Capability.EMBED,
        Capability.PREFIX_SHARING,
        Capability.STRUCTURE,
        Capability.ADAPTERS,
    }
    assert (model.device.type, model.dtype) == ("cpu", torch.float32)
    counted = sum(p.numel() for p in model.parameters())  # type: ignore[attr-defined]
    assert model.memory_bytes == 4 * counted + 4 * 4  # four rotary frequencies


@each_variant
@settings(max_examples=5, deadline=None)
@given(cuts=st.sets(st.integers(1, 23)))
def test_cached_and_chunked_equal_one_pass(config: TransformerConfig, cuts: set[int]) -> None:
    model, tokens = randomised(config), random_tokens(24)
    full = model.forward_full(tokens)[0]
    torch.testing.assert_close(chunked(model, tokens[0].tolist(), sorted(cuts)), full, atol=2e-5, rtol=1e-4)


@each_variant
def test_token_by_token_equals_one_pass(config: TransformerConfig) -> None:
    model, tokens = randomised(config), random_tokens(16)
    full = model.forward_full(tokens)[0]
    torch.testing.assert_close(chunked(model, tokens[0].tolist(), range(1, 16)), full, atol=2e-5, rtol=1e-4)


@each_variant
def test_later_tokens_never_matter(config: TransformerConfig) -> None:
    model, tokens = randomised(config), random_tokens(20)
    changed = tokens.clone()
    changed[0, 11:] = (changed[0, 11:] + 1) % 97
    before, after = model.forward_full(tokens), model.forward_full(changed)
    torch.testing.assert_close(before[:, :11], after[:, :11], rtol=0, atol=0)
    assert not torch.allclose(before[:, 11], after[:, 11])


@pytest.mark.parametrize("window", [1, 2, 4])
def test_windows_reach_exactly_layers_times_window_less_one(window: int) -> None:
    model = randomised(replace(DEBUG, windows=(window,) * 3)).double()
    reach = DEBUG.layers * (window - 1)
    rows = model.embedding(random_tokens(20)).detach().requires_grad_()
    model.embedding.register_forward_hook(lambda *_: rows)
    torch.autograd.backward(model.forward_full(random_tokens(20))[0, 19].sum())
    assert rows.grad is not None
    felt = rows.grad[0].abs().sum(-1)
    assert bool((felt[: 19 - reach] == 0).all())
    assert bool((felt[19 - reach :] > 0).all())


def test_batch_mates_do_not_matter() -> None:
    model = randomised()
    spans = [Span(i, random_tokens(n)[0].tolist(), 0, n, want=[n - 1]) for i, n in enumerate((1, 7, 12))]
    states = ReferenceStates(model.states)
    batch = Batch.of(spans)
    together = model(batch, states.of(batch)).logits_WV
    for row, span in zip(together, spans, strict=True):
        alone = model(Batch.of([span]), ReferenceStates(model.states).of(Batch.of([span]))).logits_WV[0]
        torch.testing.assert_close(row, alone, atol=1e-5, rtol=1e-4)


def test_decoding_equals_recomputing_everything() -> None:
    model, tokens = randomised(seed=3), random_tokens(6)
    expected = tokens
    for _ in range(12):
        expected = torch.cat((expected, model.forward_full(expected)[:, -1:].argmax(-1)), 1)
    for budget in (1, 4, 100):
        assert generate(model, tokens[0].tolist(), 12, budget) == expected[0, 6:].tolist()


@each_variant
def test_every_parameter_gets_a_gradient(config: TransformerConfig) -> None:
    model, tokens = randomised(config), random_tokens(12, rows=4)
    logits = model.forward_full(tokens).flatten(0, 1)
    torch.autograd.backward(F.cross_entropy(logits, tokens.roll(-1, 1).flatten()))
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.isfinite().all()), name
        assert float(parameter.grad.abs().max()) > 0, name


def test_overfits_one_batch() -> None:
    torch.manual_seed(1)
    model, tokens = Transformer(DEBUG), random_tokens(17, rows=4)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    loss = torch.tensor(torch.inf)
    for _ in range(80):
        loss = F.cross_entropy(model.forward_full(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
    assert loss.item() < 0.05


def test_starts_near_uniform() -> None:
    torch.manual_seed(0)
    tokens = random_tokens(32, rows=8)
    loss = F.cross_entropy(
        Transformer(DEBUG).forward_full(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten()
    )
    assert loss.item() == pytest.approx(torch.tensor(97.0).log().item(), abs=0.1)


def test_bfloat16_serves_float32_logits() -> None:
    model, tokens = randomised(), random_tokens(9)
    exact = model.forward_full(tokens)[0]
    rounded = chunked(model.bfloat16(), tokens[0].tolist(), [4])
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded, exact, atol=0.3, rtol=0.1)


@pytest.mark.parametrize("extra", [{"depth": 2}, {"extra": {"time": torch.ones(1)}}])
def test_what_it_cannot_do_is_refused(extra: dict[str, Any]) -> None:
    model = randomised()
    batch = Batch.of([Span(0, [1], 0, 1, want=[0], **extra)])
    with pytest.raises(Unsupported, match="takes no"):
        model(batch, ReferenceStates(model.states).of(batch))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("layers", 0),
        ("width", 1 << 40),
        ("vocab_size", -1),
        ("kv_heads", 3),
        ("head_width", 7),
        ("norm_epsilon", 0.0),
        ("norm_epsilon", float("nan")),
        ("rope_theta", float("inf")),
        ("windows", (4,)),
        ("windows", (4, 0, 4)),
    ],
)
def test_impossible_configurations_are_refused(field: str, value: Any) -> None:
    with pytest.raises(InvalidArgument, match="transformer config"):
        replace(DEBUG, **{field: value})


def test_presets_count_what_the_readme_says() -> None:
    counted = {}
    for name in ("tiny", "small", "base", "large", "xlarge", "xxlarge"):
        config = getattr(presets, name)()
        with torch.device("meta"):
            one, two = (Transformer(replace(config, layers=n)) for n in (1, 2))
        sizes = [sum(p.numel() for p in model.parameters()) for model in (one, two)]
        counted[name] = round((sizes[0] + (config.layers - 1) * (sizes[1] - sizes[0])) / 1e6)
    assert counted == {"tiny": 15, "small": 42, "base": 112, "large": 316, "xlarge": 1518, "xxlarge": 8670}
