import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from colonnade.errors import InvalidArgument, NotFound, Unsupported
from colonnade.models.convert.command import convert
from colonnade.models.convert.huggingface_source import open_folder
from colonnade.models.convert.huggingface_weights import INDEX
from colonnade.models.families import catalog
from colonnade.models.families.transformer import Transformer
from tests.unit.models import tiny_hf
from tests.unit.models.running import chunked, generate, refusal_of

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("Llama", {}),
    "llama tied": ("Llama", {"tie_word_embeddings": True}),
    "llama biases": ("Llama", {"attention_bias": True, "mlp_bias": True}),
    "llama wide heads": ("Llama", {"head_dim": 20}),
    "llama one head": ("Llama", {"num_key_value_heads": 1}),
    "llama linear": ("Llama", {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 4.0}}),
    "llama 3": (
        "Llama",
        {
            "rope_parameters": {
                "rope_type": "llama3",
                "rope_theta": 5e5,
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 32,
            }
        },
    ),
    "llama yarn": (
        "Llama",
        {
            "rope_parameters": {
                "rope_type": "yarn",
                "rope_theta": 1e4,
                "factor": 4.0,
                "original_max_position_embeddings": 32,
            }
        },
    ),
    "llama yarn with all its settings": (
        "Llama",
        {
            "rope_parameters": {
                "rope_type": "yarn",
                "rope_theta": 1e4,
                "factor": 4.0,
                "original_max_position_embeddings": 32,
                "attention_factor": 1.3,
                "beta_fast": 16.0,
                "beta_slow": 2.0,
                "truncate": False,
            }
        },
    ),
    "mistral": ("Mistral", {"sliding_window": None}),
    "mistral window": ("Mistral", {"sliding_window": 5}),
    "qwen2": ("Qwen2", {}),
    "qwen2 tied, late windows": (
        "Qwen2",
        {
            "tie_word_embeddings": True,
            "use_sliding_window": True,
            "sliding_window": 4,
            "max_window_layers": 1,
        },
    ),
    "qwen3": ("Qwen3", {"tie_word_embeddings": True}),
    "qwen3 biases": ("Qwen3", {"attention_bias": True, "head_dim": 12}),
}
ALL = pytest.mark.parametrize(("kind", "config"), MODELS.values(), ids=MODELS.keys())


def converted(source: Path, out: Path) -> Transformer:
    convert(source, out, lambda _: None)
    model = catalog.load({path.name: path for path in out.iterdir()})
    assert isinstance(model, Transformer)
    return model


@ALL
def test_logits_equal_those_of_transformers(tmp_path: Path, kind: str, config: dict[str, Any]) -> None:
    theirs = tiny_hf.make(kind, **config)
    ours = converted(tiny_hf.save(theirs, tmp_path / "in", "20KB"), tmp_path / "out")
    tokens = torch.randint(0, 300, (2, 60))
    with torch.inference_mode():
        expected = theirs(tokens).logits
        torch.testing.assert_close(ours.forward_full(tokens), expected, atol=2e-5, rtol=1e-4)
    cached = chunked(ours, tokens[0].tolist(), [1, 7, 30])
    torch.testing.assert_close(cached, expected[0], atol=5e-5, rtol=1e-4)


@ALL
def test_transformers_opens_what_we_write(tmp_path: Path, kind: str, config: dict[str, Any]) -> None:
    theirs = tiny_hf.make(kind, **config)
    converted(tiny_hf.save(theirs, tmp_path / "in"), tmp_path / "out")
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    tokens = torch.randint(0, 300, (1, 60))
    with torch.inference_mode():
        torch.testing.assert_close(again(tokens).logits, theirs(tokens).logits, atol=1e-6, rtol=1e-6)


def test_greedy_tokens_equal_those_of_transformers(tmp_path: Path) -> None:
    theirs = tiny_hf.make("Qwen3")
    ours = converted(tiny_hf.save(theirs, tmp_path / "in"), tmp_path / "out")
    prompt = torch.randint(0, 300, (1, 9))
    expected = theirs.generate(prompt, max_new_tokens=20, do_sample=False, eos_token_id=None, pad_token_id=0)
    assert generate(ours, prompt[0].tolist(), 20) == expected[0, 9:].tolist()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_keeps_the_stored_dtype(tmp_path: Path, dtype: torch.dtype) -> None:
    theirs = tiny_hf.make("Llama").to(dtype)
    ours = converted(tiny_hf.save(theirs, tmp_path / "in"), tmp_path / "out")
    assert {parameter.dtype for parameter in ours.parameters()} == {dtype}
    torch.testing.assert_close(ours.embedding.weight, theirs.model.embed_tokens.weight, rtol=0, atol=0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_hf.save(tiny_hf.make("Llama"), tmp_path / "model", "20KB")


def edit(path: Path, change: Callable[[Any], Any]) -> None:
    value = json.loads(path.read_text())
    path.write_text(json.dumps(change(value) or value))


def first_shard(folder: Path) -> Path:
    return min(folder.glob("model-*.safetensors"))


def test_tokenizer_files_are_put_in_one_form(folder: Path) -> None:
    (folder / "generation_config.json").write_text('{"eos_token_id": [2, 5]}')
    files = open_folder(folder).tokenizer
    assert files.generation == {"eos_token_id": [2, 5], "bos_token_id": 1}
    assert files.config["bos_token"] == "<s>"
    assert files.config["eos_token"] == "</s>"
    assert files.config["chat_template"] == "{{ messages }}"


def test_chat_template_may_be_a_file_or_one_of_several(folder: Path) -> None:
    named = [{"name": "tool_use", "template": "tools"}, {"name": "default", "template": "plain"}]
    edit(folder / "tokenizer_config.json", lambda raw: raw | {"chat_template": named})
    assert open_folder(folder).tokenizer.config["chat_template"] == "plain"
    (folder / "chat_template.jinja").write_text("from a file")
    assert open_folder(folder).tokenizer.config["chat_template"] == "from a file"


def test_hugging_faces_cache_of_links_is_read(folder: Path, tmp_path: Path) -> None:
    blobs, snapshot = tmp_path / "cache" / "blobs", tmp_path / "cache" / "snapshots" / "abc"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for path in folder.iterdir():
        path.rename(blobs / path.name)
        (snapshot / path.name).symlink_to(f"../../blobs/{path.name}")
    assert len(open_folder(snapshot).tensors) == 3 + 3 * 9


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "consolidated.00.pth"])
def test_pickles_are_refused(tmp_path: Path, name: str) -> None:
    source = tiny_hf.save(tiny_hf.make("Llama"), tmp_path / "model")
    (source / "model.safetensors").rename(source / name)
    with pytest.raises(Unsupported, match="only safetensors"):
        open_folder(source)


def point_all(index: Any, shard: str) -> Any:
    return index | {"weight_map": dict.fromkeys(index["weight_map"], shard)}


@pytest.mark.parametrize(
    "shard", ["../other.safetensors", "/etc/passwd", "a/../../b.safetensors", "", ".hidden"]
)
def test_shard_names_stay_in_the_folder(folder: Path, shard: str) -> None:
    edit(folder / INDEX, lambda index: point_all(index, shard))
    with pytest.raises(InvalidArgument, match="weight_map"):
        open_folder(folder)


def test_a_link_out_of_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    shard = first_shard(folder)
    shard.rename(tmp_path / "elsewhere.safetensors")
    shard.symlink_to(tmp_path / "elsewhere.safetensors")
    with pytest.raises(InvalidArgument, match="model-00001"):
        open_folder(folder)


def test_pickled_shards_are_refused(folder: Path) -> None:
    edit(folder / INDEX, lambda index: point_all(index, "model.bin"))
    with pytest.raises(Unsupported, match="pickles"):
        open_folder(folder)


@pytest.mark.parametrize("index", ["{}", '{"weight_map": []}', '{"weight_map": {"a": 1}}', "[]", "{"])
def test_a_bad_index_is_refused(folder: Path, index: str) -> None:
    (folder / INDEX).write_text(index)
    with pytest.raises(InvalidArgument):
        open_folder(folder)


def test_a_missing_shard_is_named(folder: Path) -> None:
    first_shard(folder).unlink()
    with pytest.raises(NotFound, match="no model-00001"):
        open_folder(folder)


def test_tensors_must_be_where_the_index_says(folder: Path) -> None:
    def move(index: Any) -> None:
        names = sorted(index["weight_map"])
        index["weight_map"][names[0]] = index["weight_map"][names[-1]]

    edit(folder / INDEX, move)
    with pytest.raises(InvalidArgument, match="tensors"):
        open_folder(folder)


def change_tensor(folder: Path, change: Callable[[torch.Tensor], torch.Tensor]) -> str:
    path = first_shard(folder)
    tensors = load_file(path)
    name: str = min(tensors)
    tensors[name] = change(tensors[name]).clone()
    save_file(tensors, path)
    return name


@pytest.mark.parametrize("poison", [torch.nan, torch.inf, -torch.inf])
def test_weights_that_are_not_finite_are_refused_by_name(folder: Path, tmp_path: Path, poison: float) -> None:
    def poisoned(tensor: torch.Tensor) -> torch.Tensor:
        tensor.view(-1)[-1] = poison
        return tensor

    name = change_tensor(folder, poisoned)
    with pytest.raises(InvalidArgument, match=f"{name} holds NaN"):
        convert(folder, tmp_path / "out", lambda _: None)
    assert sorted(path.name for path in tmp_path.iterdir() if "out" in path.name) == []


def test_wrong_shapes_are_refused_by_name(folder: Path) -> None:
    name = change_tensor(folder, lambda tensor: tensor[:-1])
    with pytest.raises(InvalidArgument, match=f"{name} has shape"):
        open_folder(folder)


def test_other_number_types_are_refused(folder: Path) -> None:
    change_tensor(folder, lambda tensor: tensor.to(torch.int8))
    with pytest.raises(Unsupported, match="type I8"):
        open_folder(folder)


@pytest.mark.parametrize("missing", ["config.json", INDEX])
def test_missing_files_are_named(folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(NotFound, match=missing):
        open_folder(folder)


def test_tokenizer_json_is_needed(folder: Path) -> None:
    (folder / "tokenizer.json").rename(folder / "tokenizer.model")
    with pytest.raises(Unsupported, match=r"no tokenizer\.json"):
        open_folder(folder)


@pytest.mark.parametrize("text", ["", "{}", '{"model": 3}', "\0", "[" * 50])
def test_a_bad_tokenizer_is_refused(folder: Path, text: str) -> None:
    (folder / "tokenizer.json").write_text(text)
    with pytest.raises(InvalidArgument, match=r"tokenizer\.json"):
        open_folder(folder)


def test_a_tokenizer_larger_than_the_embedding_is_refused(tmp_path: Path) -> None:
    source = tiny_hf.save(tiny_hf.make("Llama", vocab_size=100), tmp_path / "model")
    with pytest.raises(InvalidArgument, match="the model knows only 100"):
        open_folder(source)


def test_code_in_a_configuration_is_refused(folder: Path) -> None:
    edit(folder / "config.json", lambda raw: raw | {"auto_map": {"AutoModel": "modeling.py"}})
    with pytest.raises(Unsupported, match="auto_map"):
        open_folder(folder)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 700), value=st.integers(0, 255), keep=st.integers(0, 20_000))
def test_damaged_weight_files_are_refused_or_read(folder: Path, place: int, value: int, keep: int) -> None:
    path = first_shard(folder)
    intact = path.read_bytes()
    damaged = bytearray(intact)
    damaged[place] = value
    path.write_bytes(bytes(damaged[: max(keep, place)]))
    refusal = refusal_of(lambda: [tensor.read() for tensor in open_folder(folder).tensors])
    path.write_bytes(intact)
    assert refusal is None or str(folder) not in refusal.message
