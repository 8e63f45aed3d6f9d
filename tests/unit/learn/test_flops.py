"""Counted parameters and operations, against the model itself."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from colonnade.learn.flops import count_flops, count_parameters, flops_a_token
from colonnade.models.families.transformer.config import TransformerConfig
from colonnade.models.families.transformer.model import Transformer
from colonnade.models.families.transformer.presets import base, debug, large, small, tiny, xlarge


def laid_out(config: TransformerConfig) -> Transformer:
    with torch.device("meta"):
        return Transformer(config)


@pytest.mark.parametrize("preset", [debug, tiny, small, base, large, xlarge])
def test_parameters_are_those_of_the_presets(preset: object) -> None:
    assert callable(preset)
    config = preset()
    assert count_parameters(config).total == sum(p.numel() for p in laid_out(config).parameters())


PARTS = {
    "embedding": ("embedding.",),
    "attention": (".query.", ".key.", ".value.", ".output."),
    "feed_forward": (".gate.", ".up.", ".down."),
    "norms": ("norm.",),
    "head": ("head.",),
}


@settings(max_examples=40)
@given(st.tuples(*[st.booleans()] * 5), st.integers(1, 3), st.sampled_from([1, 2, 4]))
def test_every_part_is_counted(options: tuple[bool, ...], layers: int, kv_heads: int) -> None:
    config = replace(
        debug(),
        layers=layers,
        kv_heads=kv_heads,
        qkv_bias=options[0],
        output_bias=options[1],
        feed_forward_bias=options[2],
        qk_norm=options[3],
        tied=options[4],
    )
    counted = count_parameters(config)
    parameters = dict(laid_out(config).named_parameters())
    for part, marks in PARTS.items():
        mine = [p.numel() for name, p in parameters.items() if any(mark in name for mark in marks)]
        assert getattr(counted, part) == sum(mine), part
    assert counted.total == sum(p.numel() for p in parameters.values())


@pytest.mark.parametrize("tied", [True, False])
def test_operations_are_those_that_torch_counts(tied: bool) -> None:
    config = replace(debug(), tied=tied)
    model, tokens = Transformer(config), torch.zeros(2, 24, dtype=torch.int64)
    # The plain formula computes what is masked too, and keeps nothing to compute again.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        logits = model.forward_full(tokens)
        forward = counter.get_total_flops()
        torch.autograd.backward(logits.sum())
    expected = count_flops(config, 24, causal=False)
    assert forward == tokens.numel() * expected.forward
    assert counter.get_total_flops() == tokens.numel() * expected.total


@given(st.integers(1, 60), st.lists(st.integers(1, 60) | st.none(), min_size=1, max_size=3))
def test_a_causal_query_meets_only_the_keys_that_it_sees(tokens: int, windows: list[int | None]) -> None:
    config = replace(debug(), layers=len(windows), windows=tuple(windows))
    pairs = sum(min(t + 1, window or tokens) for window in windows for t in range(tokens))
    found = count_flops(config, tokens).attention * tokens
    assert found == pytest.approx(4 * config.heads * config.head_width * pairs)


def test_a_small_models_work_is_about_six_operations_a_parameter() -> None:
    config = base()
    assert flops_a_token(config, 1) == pytest.approx(6 * count_parameters(config).total, rel=0.01)
