from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType as Kind
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize, quantize
from transformers.integrations.gguf import dequant as independent

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.models.convert.command import convert
from colonnade.models.convert.gguf_file import GgufTensor
from colonnade.models.convert.gguf_source import neighbours_to_halves, open_gguf, unpack
from colonnade.models.families import catalog
from colonnade.models.families.transformer import Transformer, TransformerConfig, presets
from colonnade.models.layers.rope_scaling import LinearScaling, Llama3Scaling, Scaling, YarnScaling
from tests.unit.models.running import randomised
from tests.unit.models.tiny_gguf import permuted, write_gguf

DEBUG = presets.debug()
VARIANTS = [
    ("llama", DEBUG),
    ("llama", replace(DEBUG, tied=False, kv_heads=4)),
    ("llama", replace(DEBUG, qkv_bias=True, output_bias=True, feed_forward_bias=True)),
    ("qwen2", replace(DEBUG, qkv_bias=True)),
    ("qwen3", replace(DEBUG, qk_norm=True, head_width=16)),
]


def converted(source: Path, out: Path) -> Transformer:
    convert(source, out, lambda _: None)
    model = catalog.load({path.name: path for path in out.iterdir()})
    assert isinstance(model, Transformer)
    return model


@pytest.mark.parametrize(("architecture", "config"), VARIANTS)
def test_a_model_comes_back_exactly(tmp_path: Path, architecture: str, config: TransformerConfig) -> None:
    model = randomised(config)
    loaded = converted(write_gguf(tmp_path / "m.gguf", model, architecture), tmp_path / "out")
    epsilon = float(np.float32(config.norm_epsilon))  # GGUF keeps it in 32 bits
    assert loaded.config == replace(config, norm_epsilon=epsilon)
    for (name, before), after in zip(model.named_parameters(), loaded.parameters(), strict=True):
        torch.testing.assert_close(before.detach(), after, rtol=0, atol=0, msg=name)


@pytest.mark.parametrize(("heads", "width"), [(1, 2), (2, 8), (9, 64)])
def test_the_permutation_is_undone_exactly(heads: int, width: int) -> None:
    rows = np.arange(heads * width * 3, dtype=np.float32).reshape(heads * width, 3)
    bias = rows[:, 0].copy()
    np.testing.assert_array_equal(neighbours_to_halves(permuted(rows, heads), heads), rows)
    np.testing.assert_array_equal(neighbours_to_halves(permuted(bias, heads), heads), bias)


def test_neighbours_turn_together_before_and_halves_after() -> None:
    stored = np.array([[0.0], [0.5], [1.0], [1.5]], dtype=np.float32)  # pair 0: 0 and 0.5, pair 1: 1 and 1.5
    assert neighbours_to_halves(stored, 1)[:, 0].tolist() == [0.0, 1.0, 0.5, 1.5]


@pytest.mark.parametrize("kind", [Kind.F16, Kind.BF16, Kind.Q4_0, Kind.Q4_1, Kind.Q5_0, Kind.Q5_1, Kind.Q8_0])
def test_quantised_weights_become_what_the_library_says(tmp_path: Path, kind: Kind) -> None:
    model = randomised()
    names = ["token_embd.weight", "blk.0.attn_q.weight", "blk.1.ffn_down.weight"]
    loaded = converted(
        write_gguf(tmp_path / "m.gguf", model, kinds=dict.fromkeys(names, kind)), tmp_path / "out"
    )
    attention = dict(model.named_parameters())["blocks.0.attention.query.weight"].detach().numpy()
    rounded = neighbours_to_halves(dequantize(quantize(permuted(attention, 4), kind), kind), 4)
    got = dict(loaded.named_parameters())["blocks.0.attention.query.weight"].numpy()
    np.testing.assert_array_equal(got, rounded)
    embedding = model.embedding.weight.detach().numpy()
    np.testing.assert_array_equal(
        loaded.embedding.weight.numpy(), dequantize(quantize(embedding, kind), kind)
    )
    assert float(np.abs(got - attention).max()) < 0.1


@pytest.mark.parametrize("number", sorted(independent.GGML_BLOCK))
def test_every_quantisation_agrees_with_transformers(number: int) -> None:
    kind = Kind(number)
    block, size = GGML_QUANT_SIZES[kind]
    random = np.random.default_rng(number)
    packed = random.integers(0, 256, (8, 2 * size), dtype=np.uint8)
    mine = unpack(GgufTensor("t", (8, 2 * block), kind, packed))
    theirs = (
        independent.dequantize(torch.from_numpy(packed.reshape(-1)), number).reshape(8, 2 * block).numpy()
    )
    finite = np.isfinite(mine)
    assert finite.mean() > 0.5
    np.testing.assert_array_equal(finite, np.isfinite(theirs))
    np.testing.assert_allclose(mine[finite], theirs[finite], rtol=1e-5)


def test_types_without_a_rule_are_refused() -> None:
    with pytest.raises(Unsupported, match="type I32"):
        unpack(GgufTensor("t", (4,), Kind.I32, np.zeros(16, dtype=np.uint8)))


ROPES: list[tuple[dict[str, Any], Scaling | None]] = [
    ({"type": "none"}, None),
    ({"type": "linear", "factor": 4.0}, LinearScaling(4.0)),
    ({"type": "yarn", "factor": 4.0, "original_context_length": 32}, YarnScaling(4.0, 32)),
]


@pytest.mark.parametrize(("stated", "scaling"), ROPES)
def test_rope_scaling_is_read(tmp_path: Path, stated: dict[str, Any], scaling: Scaling | None) -> None:
    metadata = {f"llama.rope.scaling.{key}": value for key, value in stated.items()}
    source = open_gguf(write_gguf(tmp_path / "m.gguf", randomised(), metadata=metadata))
    assert isinstance(source.config, TransformerConfig)
    assert source.config.rope_scaling == scaling


@pytest.mark.parametrize(
    "stated",
    [
        {"type": "longrope", "factor": 2.0},
        {"type": "yarn", "factor": 2.0, "original_context_length": 32, "yarn_attn_factor": 2.0},
    ],
)
def test_other_rope_scaling_is_refused(tmp_path: Path, stated: dict[str, Any]) -> None:
    metadata = {f"llama.rope.scaling.{key}": value for key, value in stated.items()}
    with pytest.raises(Unsupported, match="RoPE scaling"):
        open_gguf(write_gguf(tmp_path / "m.gguf", randomised(), metadata=metadata))


def test_llama_3s_divisors_are_recognised(tmp_path: Path) -> None:
    wide = replace(DEBUG, head_width=64, rope_theta=500_000.0)
    frequencies = 500_000.0 ** -(torch.arange(0, 64, 2, dtype=torch.float32) / 64)
    scaled, _ = Llama3Scaling(32.0).scale(frequencies, 500_000.0)
    for divisors, expected in (((frequencies / scaled), Llama3Scaling(32.0)), (torch.ones(32), None)):
        path = tmp_path / "m.gguf"
        write_gguf(path, randomised(wide), tensors={"rope_freqs.weight": divisors.numpy()})
        assert getattr(open_gguf(path).config, "rope_scaling", "none") == expected
    write_gguf(path, randomised(wide), tensors={"rope_freqs.weight": torch.rand(32).numpy() + 1})
    with pytest.raises(Unsupported, match="other than Llama 3's"):
        open_gguf(path)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"llama.expert_count": 8}, "supported are dense llama, qwen2, qwen3"),
        ({"llama.block_count": 4}, "lacks 9 tensors: blk.3.attn_k.weight"),
        ({"llama.block_count": 2}, "should not have 9 tensors: blk.2.attn_k.weight"),
        ({"llama.block_count": 1023}, "lacks"),
        ({"llama.block_count": 1 << 30}, "layers must be between"),
        ({"llama.embedding_length": 64}, "has shape"),
        ({"llama.context_length": None}, "llama.context_length must be there"),
        ({"llama.attention.head_count": "four"}, "llama.attention.head_count must be there, of type int"),
        ({"llama.attention.head_count": 0}, "heads must be between"),
        ({"llama.rope.dimension_count": 4}, "rope.dimension_count must be the head width"),
        ({"tokenizer.ggml.tokens": None}, "tokenizer.ggml.tokens must be there"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, metadata: dict[str, Any], message: str) -> None:
    with pytest.raises((InvalidArgument, Unsupported), match=message):
        open_gguf(write_gguf(tmp_path / "m.gguf", randomised(), metadata=metadata))


def test_other_architectures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="'gemma3'"):
        open_gguf(write_gguf(tmp_path / "m.gguf", randomised(), "gemma3"))


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"output_norm.weight": None}, "lacks 1 tensors: output_norm.weight"),
        ({"blk.0.extra.weight": np.ones(3, np.float32)}, "should not have 1 tensors: blk.0.extra.weight"),
        ({"output_norm.weight": np.ones(31, np.float32)}, r"model\.norm\.weight has shape \[31\]"),
    ],
)
def test_tensors_must_be_those_of_the_configuration(
    tmp_path: Path, tensors: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        open_gguf(write_gguf(tmp_path / "m.gguf", randomised(), tensors=tensors))


def test_weights_that_are_not_finite_are_refused_by_name(tmp_path: Path) -> None:
    path = write_gguf(
        tmp_path / "m.gguf", randomised(), tensors={"output_norm.weight": np.full(32, np.nan, np.float32)}
    )
    with pytest.raises(InvalidArgument, match=r"model\.norm\.weight holds NaN"):
        convert(path, tmp_path / "out", lambda _: None)
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.gguf"]
