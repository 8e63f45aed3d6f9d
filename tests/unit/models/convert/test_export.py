"""Versions as folders for others: what comes back is what was there, and transformers computes the same."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from colonnade.errors import AlreadyExists, ColonnadeError, InvalidArgument, Unsupported
from colonnade.models.convert.command import convert
from colonnade.models.convert.export import export, run
from colonnade.models.convert.progress import Progress
from colonnade.models.families.transformer.checkpoint import load
from tests.harness.tiny_model import write_tiny_bert, write_tiny_llama
from tests.unit.models import tiny_hf

kinds = pytest.mark.parametrize("kind", ["Llama", "Mistral", "Qwen2", "Qwen3"])


def _files(folder: Path) -> dict[str, Path]:
    return {path.name: path for path in sorted(folder.iterdir())}


def _made(source: Path, folder: Path) -> dict[str, Path]:
    convert(source, folder, lambda _: None)
    return _files(folder)


def _exported(files: dict[str, Path], out: Path, dtype: str = "") -> dict[str, Path]:
    export(files, out, dtype, Progress(lambda _: None))
    return _files(out)


@kinds
def test_transformers_computes_the_same_from_the_folder(kind: str, tmp_path: Path) -> None:
    files = _made(tiny_hf.save(tiny_hf.make(kind), tmp_path / "source"), tmp_path / "made")
    _exported(files, tmp_path / "out")
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32)
    tokens = torch.tensor([[5, 17, 200, 3, 42]])
    with torch.inference_mode():
        expected = load(files, dtype=torch.float32).forward_full(tokens)
        torch.testing.assert_close(theirs(tokens).logits, expected, atol=2e-5, rtol=1e-4)


@kinds
def test_what_is_imported_again_is_what_was_exported(kind: str, tmp_path: Path) -> None:
    first = _made(tiny_hf.save(tiny_hf.make(kind), tmp_path / "source"), tmp_path / "made")
    _exported(first, tmp_path / "out")
    again = _made(tmp_path / "out", tmp_path / "again")
    for name in ("model.safetensors", "tokenizer.json", "generation_config.json", "config.json"):
        assert again[name].read_bytes() == first[name].read_bytes(), name


def test_its_tokenizer_and_template_are_the_versions_own(tmp_path: Path) -> None:
    files = _made(write_tiny_llama(tmp_path / "source"), tmp_path / "made")
    _exported(files, tmp_path / "out")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    ours = json.loads(files["tokenizer_config.json"].read_text())
    text = "The quick brown fox, é€ 42!"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert tokenizer.chat_template == ours["chat_template"]
    assert tokenizer.eos_token == "<|endoftext|>"


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_weights_are_stored_as_the_floats_that_are_asked_for(dtype: str, tmp_path: Path) -> None:
    files = _made(write_tiny_llama(tmp_path / "source"), tmp_path / "made")
    out = _exported(files, tmp_path / "out", dtype)
    got, had = (load_file(each["model.safetensors"]) for each in (out, files))
    assert got.keys() == had.keys()
    assert all(torch.equal(got[name], had[name].to(getattr(torch, dtype))) for name in had)
    assert json.loads(out["config.json"].read_text())["dtype"] == dtype


@pytest.mark.parametrize(
    ("dtype", "family", "error"),
    [("int4", "transformer", InvalidArgument), ("", "encoder", Unsupported)],
    ids=["dtype", "family"],
)
def test_what_cannot_be_exported_is_refused_and_leaves_nothing(
    dtype: str, family: str, error: type[ColonnadeError], tmp_path: Path
) -> None:
    write = write_tiny_bert if family == "encoder" else write_tiny_llama
    files = _made(write(tmp_path / "source"), tmp_path / "made")
    with pytest.raises(error):
        _exported(files, tmp_path / "out", dtype)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "source"]


def test_a_folder_that_has_something_is_left_alone(tmp_path: Path) -> None:
    files = _made(write_tiny_llama(tmp_path / "source"), tmp_path / "made")
    with pytest.raises(AlreadyExists):
        _exported(files, tmp_path / "source")


def _listing(files: dict[str, Path], path: Path) -> Path:
    listed = {
        name: {"path": str(file), "digest": f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"}
        for name, file in files.items()
    }
    path.write_text(json.dumps(listed))
    return path


def test_the_process_tells_its_progress_and_its_end(tmp_path: Path) -> None:
    listing = _listing(_made(write_tiny_llama(tmp_path / "source"), tmp_path / "made"), tmp_path / "files")
    events: list[dict[str, Any]] = []
    assert run(listing, tmp_path / "out", "", events.append) == 0
    stages = [event["stage"] for event in events[:-1]]
    assert list(dict.fromkeys(stages)) == ["read", "convert", "write"]
    assert events[-1] == {"event": "done"}


def test_a_changed_file_is_told_by_its_name(tmp_path: Path) -> None:
    files = _made(write_tiny_llama(tmp_path / "source"), tmp_path / "made")
    listing = _listing(files, tmp_path / "files")
    files["tokenizer.json"].write_text("{}")
    events: list[dict[str, Any]] = []
    assert run(listing, tmp_path / "out", "", events.append) == 2
    assert (events[-1]["code"], events[-1]["details"]) == ("conflict", {"field": "tokenizer.json"})
    assert str(tmp_path) not in json.dumps(events)
