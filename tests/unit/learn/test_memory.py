"""Estimated bytes against what a real step asks for on a CPU."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given as drawing
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor

from colonnade.errors import InvalidArgument
from colonnade.learn.loop.precision import Precision
from colonnade.learn.memory import IN_PASSING, MemoryEstimate, Setup, estimate_memory, recommend
from colonnade.learn.optimisers import OptimiserSettings, make_optimiser
from colonnade.learn.optimisers.settings import NAMES
from colonnade.models.families.transformer.config import TransformerConfig
from colonnade.models.families.transformer.model import Transformer
from colonnade.models.families.transformer.objective import next_token
from colonnade.models.families.transformer.presets import base, debug, tiny
from tests.unit.learn.living_tensors import LivingTensors, state_bytes

CONFIG = TransformerConfig(
    vocab_size=600, context_length=256, width=64, layers=4, heads=8, kv_heads=2, head_width=8, hidden=176
)
ADAMW = OptimiserSettings(name="adamw", learning_rate=1e-3)


def setup(precision: Precision = Precision.FLOAT32, **fields: Any) -> Setup:
    said: dict[str, Any] = {"optimiser": ADAMW, "rows": 4, "tokens": 128} | fields
    return Setup(weights=precision.weights, products=precision.products, **said)


def laid_out(config: TransformerConfig, given: Setup) -> tuple[Transformer, Tensor]:
    model = Transformer(config).to(given.weights)
    model.blocks.recompute = given.recompute
    return model, torch.arange(given.rows * given.tokens).view(given.rows, -1) % config.vocab_size


@pytest.mark.parametrize("name", [*IN_PASSING])
def test_what_a_step_takes_in_passing(name: str) -> None:
    optimiser = OptimiserSettings.model_validate({"name": name, "learning_rate": 1e-3})
    given = setup(optimiser=optimiser)
    model, tokens = laid_out(CONFIG, given)
    stepped = make_optimiser(model, optimiser)
    torch.autograd.backward(next_token(model, tokens, tokens).nll)
    stepped.step()
    with LivingTensors() as living:
        stepped.step()
    assert estimate_memory(CONFIG, given).step == pytest.approx(living.peak, rel=0.1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("precision", [Precision.FLOAT32, Precision.BFLOAT16])
def test_weights_gradients_and_state_are_what_a_step_leaves(name: str, precision: Precision) -> None:
    optimiser = OptimiserSettings.model_validate({"name": name, "learning_rate": 1e-3})
    given = setup(precision, optimiser=optimiser)
    model, tokens = laid_out(CONFIG, given)
    stepped = make_optimiser(model, optimiser)
    torch.autograd.backward(next_token(model, tokens, tokens).nll)
    stepped.step()
    estimate = estimate_memory(CONFIG, given)
    assert estimate.weights == sum(p.nbytes for p in model.parameters())
    assert estimate.gradients == sum(p.grad.nbytes for p in model.parameters() if p.grad is not None)
    assert estimate.optimiser == pytest.approx(state_bytes(stepped), rel=0.001)


CASES = [
    (CONFIG, False),
    (CONFIG, True),
    (replace(CONFIG, qk_norm=True, kv_heads=8), False),
    (replace(CONFIG, tied=False, qkv_bias=True, feed_forward_bias=True), False),
    (replace(CONFIG, windows=(32, None, 32, None)), False),
]


@pytest.mark.parametrize(("config", "recompute"), CASES)
@pytest.mark.parametrize("precision", [Precision.FLOAT32, Precision.BFLOAT16_MIXED, Precision.BFLOAT16])
def test_activations_and_the_peak_are_those_of_a_real_step(
    config: TransformerConfig, recompute: bool, precision: Precision
) -> None:
    given = setup(precision, recompute=recompute)
    estimate = estimate_memory(config, given)
    model, tokens = laid_out(config, given)
    with LivingTensors(model.parameters()) as living:
        optimiser = make_optimiser(model, ADAMW)
        for _ in range(2):  # from the second step on there is state
            optimiser.zero_grad()
            living.from_here()
            before = living.bytes
            with precision.computing(torch.device("cpu")):
                nll = next_token(model, tokens, tokens).nll
            kept = living.bytes - before
            torch.autograd.backward(nll)
            del nll
            peak = living.peak
            optimiser.step()
    assert estimate.activations == pytest.approx(kept, rel=0.05)
    assert estimate.total == pytest.approx(peak, rel=0.1)


def test_what_autograd_saves_is_what_is_estimated() -> None:
    """By torch's own hooks, which see every tensor that is kept for the backward pass."""
    given = setup()
    model, tokens = laid_out(CONFIG, given)
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    saved: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = next_token(model, tokens, tokens)
    found = sum(size for address, size in saved.items() if address not in weights)
    assert estimate_memory(CONFIG, given).activations == pytest.approx(found, rel=0.05)
    assert loss.nll.requires_grad


@settings(max_examples=40)
@drawing(
    st.sampled_from([debug(), tiny(), base()]),
    st.integers(1, 64),
    st.sampled_from(list(Precision)),
    st.booleans(),
    st.integers(0, 10**11),
)
def test_the_recommended_rows_fit_and_one_more_does_not(
    config: TransformerConfig, tokens: int, precision: Precision, recompute: bool, spare: int
) -> None:
    asked = setup(precision, tokens=tokens, recompute=recompute)
    available = estimate_memory(config, replace(asked, rows=1)).total + spare
    found, estimate = recommend(config, asked, available)
    assert estimate == estimate_memory(config, found)
    assert estimate.total <= available
    assert estimate_memory(config, replace(found, rows=found.rows + 1)).total > available


def test_recomputation_and_narrow_numbers_save_memory_and_accumulation_costs() -> None:
    def total(**fields: Any) -> MemoryEstimate:
        return estimate_memory(base(), setup(tokens=1024, **fields))

    plain = total()
    assert total(recompute=True).activations < plain.activations / 8
    assert total(precision=Precision.BFLOAT16).total < 0.6 * plain.total
    assert plain.total < total(accumulate=4).total
    assert total(average=True).total == plain.total + plain.weights


@pytest.mark.parametrize(
    ("available", "words"),
    [
        (10**6, "Take a smaller preset or take an optimiser with less state"),
        (10**9 * 2, "Set recompute or take a smaller preset or take shorter rows"),
    ],
)
def test_what_never_fits_is_refused_with_what_would_help(available: int, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words) as refused:
        recommend(base(), setup(tokens=2048), available)
    assert "one row of 2048 tokens takes" in refused.value.message
