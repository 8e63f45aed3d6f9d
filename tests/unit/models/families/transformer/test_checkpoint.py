import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from colonnade.errors import ColonnadeError, InvalidArgument
from colonnade.models.artefact import CONFIG, WEIGHTS
from colonnade.models.families.transformer import load, presets, save
from colonnade.models.families.transformer.checkpoint import expected_shapes
from tests.unit.models.running import randomised

FILES = (CONFIG, WEIGHTS)


@pytest.fixture
def saved(tmp_path: Path) -> dict[str, Path]:
    save(randomised(), tmp_path)
    return {name: tmp_path / name for name in FILES}


def test_comes_back_as_it_was(saved: dict[str, Path]) -> None:
    model, loaded = randomised(), load(saved)
    assert loaded.config == model.config
    for (name, before), after in zip(model.named_parameters(), loaded.parameters(), strict=True):
        torch.testing.assert_close(before.detach(), after, rtol=0, atol=0, msg=name)
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert not loaded.training


def test_names_are_hugging_faces(saved: dict[str, Path]) -> None:
    names = set(load_file(saved[WEIGHTS]))
    assert names == set(expected_shapes(presets.debug()))
    assert {
        "model.embed_tokens.weight",
        "model.layers.2.self_attn.q_proj.weight",
        "model.norm.weight",
    } <= names


def test_dtype_is_that_of_the_file_or_the_one_asked_for(saved: dict[str, Path]) -> None:
    assert load(saved).dtype == torch.float32
    half = load(saved, dtype=torch.float16)
    assert {parameter.dtype for parameter in half.parameters()} == {torch.float16}
    assert half.rope.frequencies.dtype == torch.float32


def edit_config(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_hidden_layers": 4}, "lacks 9 tensors"),
        ({"num_hidden_layers": 2}, "should not have 9 tensors"),
        ({"vocab_size": 96}, r"model\.embed_tokens\.weight has shape \[97, 32\]"),
        ({"tie_word_embeddings": False}, "lm_head.weight"),
        ({"num_attention_heads": 0}, "num_attention_heads"),
        ({"auto_map": {"AutoModel": "evil.py"}}, "auto_map"),
    ],
)
def test_weights_must_fit_the_configuration(
    saved: dict[str, Path], changes: dict[str, Any], message: str
) -> None:
    edit_config(saved[CONFIG], **changes)
    with pytest.raises(ColonnadeError, match=message):
        load(saved)


@pytest.mark.parametrize("keep", [0, 4, 100, 5000, -1])
def test_a_cut_file_is_refused(saved: dict[str, Path], keep: int) -> None:
    saved[WEIGHTS].write_bytes(saved[WEIGHTS].read_bytes()[:keep])
    with pytest.raises(InvalidArgument, match="damaged"):
        load(saved)


def test_a_pickle_under_the_name_of_safetensors_is_refused(saved: dict[str, Path]) -> None:
    torch.save({"model.norm.weight": torch.ones(1)}, saved[WEIGHTS])
    with pytest.raises(InvalidArgument, match="not a safetensors file"):
        load(saved)


def test_missing_tensors_are_named(saved: dict[str, Path]) -> None:
    tensors = load_file(saved[WEIGHTS])
    del tensors["model.norm.weight"]
    save_file(tensors, saved[WEIGHTS])
    with pytest.raises(InvalidArgument, match=r"lacks 1 tensors: model\.norm\.weight"):
        load(saved)
