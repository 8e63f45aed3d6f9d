from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.models.families.transformer import TransformerConfig, presets
from colonnade.models.families.transformer.hugging_face import from_hugging_face, to_hugging_face
from colonnade.models.layers.rope_scaling import LinearScaling, Llama3Scaling, YarnScaling
from tests.unit.models.running import refusal_of

DEBUG = presets.debug()
LLAMA: Mapping[str, Any] = to_hugging_face(DEBUG)

WITH_HOMES = [
    (DEBUG, "LlamaForCausalLM"),
    (replace(DEBUG, tied=False, qkv_bias=True, output_bias=True, feed_forward_bias=True), "LlamaForCausalLM"),
    (replace(DEBUG, windows=(7,) * 3), "MistralForCausalLM"),
    (replace(DEBUG, qkv_bias=True), "Qwen2ForCausalLM"),
    (replace(DEBUG, qkv_bias=True, windows=(None, 6, 6)), "Qwen2ForCausalLM"),
    (replace(DEBUG, qk_norm=True, windows=(6, None, 6)), "Qwen3ForCausalLM"),
    (replace(DEBUG, qk_norm=True, qkv_bias=True, output_bias=True), "Qwen3ForCausalLM"),
    (replace(DEBUG, rope_scaling=LinearScaling(2.0)), "LlamaForCausalLM"),
    (replace(DEBUG, rope_scaling=Llama3Scaling(8.0, 1.0, 4.0, 64)), "LlamaForCausalLM"),
    (replace(DEBUG, rope_scaling=YarnScaling(4.0, 32, 1.5, 16.0, 2.0, False)), "LlamaForCausalLM"),
    (replace(DEBUG, rope_scaling=YarnScaling(4.0, 32)), "LlamaForCausalLM"),
]


@pytest.mark.parametrize(("config", "architecture"), WITH_HOMES)
def test_every_configuration_comes_back(config: TransformerConfig, architecture: str) -> None:
    raw = to_hugging_face(config)
    assert raw["architectures"] == [architecture]
    assert from_hugging_face(raw) == config


@pytest.mark.parametrize(
    "config",
    [
        replace(DEBUG, output_bias=True),
        replace(DEBUG, qk_norm=True, feed_forward_bias=True),
        replace(DEBUG, windows=(4, None, 4)),
        replace(DEBUG, qkv_bias=True, windows=(4, 5, 4)),
    ],
)
def test_a_mix_that_no_architecture_has_is_refused(config: TransformerConfig) -> None:
    with pytest.raises(Unsupported, match="no Hugging Face architecture"):
        to_hugging_face(config)


def test_reads_both_layouts_of_rope() -> None:
    old = {**LLAMA, "rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 2}}
    new = {**LLAMA, "rope_parameters": {"rope_type": "linear", "rope_theta": 5e5, "factor": 2.0}}
    for raw in (old, new):
        config = from_hugging_face(raw)
        assert (config.rope_theta, config.rope_scaling) == (5e5, LinearScaling(2.0))


def test_yarn_scale_follows_from_mscale() -> None:
    rope = {"rope_type": "yarn", "factor": 4.0, "mscale": 1.0, "mscale_all_dim": 0.5}
    scaling = from_hugging_face({**LLAMA, "rope_scaling": rope}).rope_scaling
    assert isinstance(scaling, YarnScaling)
    assert scaling.original_context == 128
    assert scaling.attention_factor == pytest.approx(1.138629 / 1.069315, rel=1e-5)


def test_mistral_without_the_key_has_transformers_own_window() -> None:
    raw = {**LLAMA, "architectures": ["MistralForCausalLM"]}
    assert from_hugging_face(raw).windows == (4096,) * 3
    assert from_hugging_face({**raw, "sliding_window": None}).windows == ()


def test_qwen2_windows_begin_late() -> None:
    raw = {**LLAMA, "architectures": ["Qwen2ForCausalLM"], "sliding_window": 8, "max_window_layers": 2}
    assert from_hugging_face(raw).windows == ()
    assert from_hugging_face({**raw, "use_sliding_window": True}).windows == (None, None, 8)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architectures": ["GPT2LMHeadModel"]}, "supported are LlamaForCausalLM, Mistral"),
        ({"architectures": None}, "architecture None"),
        ({"architectures": "LlamaForCausalLM"}, "architecture"),
        ({"hidden_act": "gelu"}, "hidden_act 'gelu'"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor"),
        ({"quantization_config": {"bits": 4}}, "quantised"),
        (
            {"rope_scaling": {"type": "dynamic", "factor": 2.0}},
            "'dynamic' is not supported; supported are default",
        ),
        ({"rope_scaling": {"rope_type": "longrope"}}, "longrope"),
    ],
)
def test_other_equations_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(Unsupported, match=message):
        from_hugging_face({**LLAMA, **changes})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("vocab_size", None),
        ("vocab_size", "97"),
        ("vocab_size", True),
        ("hidden_size", 1.5),
        ("num_attention_heads", 0),
        ("num_hidden_layers", 10**9),
        ("rms_norm_eps", "small"),
        ("rope_scaling", [1]),
        ("rope_scaling", {"type": "linear"}),
        ("rope_scaling", {"type": "yarn", "factor": -3.0}),
        ("tie_word_embeddings", "yes"),
    ],
)
def test_wrong_values_are_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        from_hugging_face({**LLAMA, field: value})
    assert refusal.value.details["field"] in (field, "layers", "factor")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@given(changes=st.dictionaries(st.sampled_from(sorted({*LLAMA, "rope_parameters", "layer_types"})), anything))
def test_any_values_are_read_or_refused(changes: dict[str, Any]) -> None:
    refusal = refusal_of(lambda: from_hugging_face({**LLAMA, **changes}))
    assert refusal is None or refusal.message
