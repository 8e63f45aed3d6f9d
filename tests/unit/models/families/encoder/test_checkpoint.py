import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import BertModel

from colonnade.errors import ColonnadeError, InvalidArgument
from colonnade.models.artefact import CONFIG, WEIGHTS
from colonnade.models.families.encoder import load, presets, save
from colonnade.models.families.encoder.checkpoint import expected_shapes
from tests.unit.models.families.encoder.test_model import random_tokens, randomised


@pytest.fixture
def saved(tmp_path: Path) -> dict[str, Path]:
    save(randomised(), tmp_path)
    return {name: tmp_path / name for name in (CONFIG, WEIGHTS)}


def test_comes_back_as_it_was(saved: dict[str, Path]) -> None:
    model, loaded = randomised(), load(saved)
    assert loaded.config == model.config
    for (name, before), after in zip(model.named_parameters(), loaded.parameters(), strict=True):
        torch.testing.assert_close(before.detach(), after, rtol=0, atol=0, msg=name)
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert not loaded.training
    assert load(saved, dtype=torch.bfloat16).dtype == torch.bfloat16


def test_transformers_opens_what_we_write(saved: dict[str, Path]) -> None:
    theirs = BertModel.from_pretrained(saved[CONFIG].parent, add_pooling_layer=False).eval()
    tokens = random_tokens(20)
    with torch.inference_mode():
        torch.testing.assert_close(
            theirs(tokens).last_hidden_state, randomised().forward_full(tokens), atol=2e-6, rtol=1e-5
        )


def test_names_are_hugging_faces(saved: dict[str, Path]) -> None:
    names = set(load_file(saved[WEIGHTS]))
    assert names == set(expected_shapes(presets.debug()))
    assert {"embeddings.word_embeddings.weight", "encoder.layer.2.attention.output.LayerNorm.bias"} <= names


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_hidden_layers": 4}, "lacks 16 tensors"),
        ({"num_hidden_layers": 2}, "should not have 16 tensors"),
        ({"vocab_size": 96}, r"embeddings\.word_embeddings\.weight has shape \[97, 32\]"),
        ({"num_attention_heads": 0}, "num_attention_heads"),
        ({"hidden_act": "relu"}, "hidden_act"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type"),
        ({"is_decoder": True}, "is_decoder"),
        ({"quantization_config": {"bits": 4}}, "quantised"),
        ({"architectures": ["BertForTokenClassification"]}, "supported are BertModel"),
        ({"layer_norm_eps": "x"}, "layer_norm_eps"),
        ({"sentence_embedding": {"pooling": "max"}}, "pooling"),
        ({"sentence_embedding": {"max_tokens": 65}}, "max_tokens"),
        ({"sentence_embedding": [1]}, "sentence_embedding"),
    ],
)
def test_weights_must_fit_the_configuration(
    saved: dict[str, Path], changes: dict[str, Any], message: str
) -> None:
    saved[CONFIG].write_text(json.dumps(json.loads(saved[CONFIG].read_text()) | changes))
    with pytest.raises(ColonnadeError, match=message):
        load(saved)


def test_a_cut_file_is_refused(saved: dict[str, Path]) -> None:
    saved[WEIGHTS].write_bytes(saved[WEIGHTS].read_bytes()[:5000])
    with pytest.raises(InvalidArgument, match="damaged"):
        load(saved)
