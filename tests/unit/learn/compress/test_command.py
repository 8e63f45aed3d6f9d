"""``python -m colonnade.learn prune``: what it writes is an artefact folder like any other."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from colonnade.learn.command import main
from colonnade.models.artefact import DESCRIPTION, Description
from colonnade.models.convert.huggingface_source import open_folder
from colonnade.models.convert.progress import Progress
from colonnade.models.convert.write import write_artefact
from colonnade.models.families.catalog import load
from colonnade.models.families.transformer.model import Transformer
from tests.harness.tiny_model import write_tiny_llama

TOKENS_BT = torch.arange(20).reshape(2, 10)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    source = open_folder(write_tiny_llama(folder / "theirs"))
    write_artefact(source, "sha256:ab", folder / "ours", Progress(lambda event: None))
    return folder / "ours"


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("The quick brown fox jumps over the lazy dog. " * 60)
    return path


def opened(folder: Path) -> Transformer:
    found = load({path.name: path for path in folder.iterdir()})
    assert isinstance(found, Transformer)
    return found


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    (line,) = capsys.readouterr().out.splitlines()
    said: dict[str, Any] = json.loads(line)
    return said


@pytest.mark.parametrize("by", ["taylor", "activation", "magnitude"])
def test_prunes_a_model_folder(
    model: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], by: str
) -> None:
    calibrates = [] if by == "magnitude" else ["--calibrate", str(text)]
    asked = ["--heads", "2", "--hidden", "40", "--layers", "1", "--by", by, *calibrates]
    assert main(["prune", str(model), *asked, "--out", str(tmp_path / "out")]) == 0
    said = told(capsys)
    pruned, before = opened(tmp_path / "out"), opened(model)
    counted = sum(value.numel() for value in pruned.parameters())
    assert (said["event"], said["parameters"], said["heads"], said["kv_heads"]) == ("done", counted, 2, 1)
    assert said["parameters_before"] == sum(value.numel() for value in before.parameters()) > counted
    assert (pruned.config.hidden, pruned.config.layers, pruned.dtype) == (40, 1, before.dtype)
    described = Description.read(tmp_path / "out" / DESCRIPTION)
    assert described.parameters == counted
    assert described.source["by"] == by
    assert described.source["digest"].startswith("sha256:")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {path.name for path in model.iterdir()}
    assert (tmp_path / "out" / "tokenizer.json").read_bytes() == (model / "tokenizer.json").read_bytes()


def test_what_it_writes_imports_and_is_one_of_transformers(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    asked = ["--kv-heads", "1", "--hidden", "33", "--by", "magnitude", "--out", str(out)]
    assert main(["prune", str(model), *asked]) == 0
    kept = json.loads((out / "config.json").read_text())
    assert kept["eos_token_id"] == json.loads((model / "config.json").read_text())["eos_token_id"]
    write_artefact(open_folder(out), "sha256:ab", tmp_path / "again", Progress(lambda event: None))
    assert torch.equal(
        opened(tmp_path / "again").forward_full(TOKENS_BT), opened(out).forward_full(TOKENS_BT)
    )
    theirs = transformers.AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32).eval()
    with torch.no_grad():
        torch.testing.assert_close(
            theirs(TOKENS_BT).logits, opened(out).forward_full(TOKENS_BT), rtol=1e-4, atol=1e-4
        )


def test_a_folder_of_hugging_faces_is_taken_as_it_is(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And what is made of it is what is made of our own."""
    asked = ["--heads", "2", "--by", "magnitude", "--out"]
    for name, folder in (("ours", model), ("theirs", model.parent / "theirs")):
        assert main(["prune", str(folder), *asked, str(tmp_path / name)]) == 0
        capsys.readouterr()
    one, other = opened(tmp_path / "ours"), opened(tmp_path / "theirs")
    assert torch.equal(one.forward_full(TOKENS_BT), other.forward_full(TOKENS_BT))
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        assert (tmp_path / "ours" / name).read_text() == (tmp_path / "theirs" / name).read_text()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        (["--heads", "9"], "heads"),
        (["--heads", "0"], "heads"),
        (["--hidden", "65"], "hidden"),
        (["--layers", "-1"], "layers"),
        ([], "heads"),
        (["--heads", "2", "--by", "taylor"], "calibrate"),
        (["--heads", "2", "--by", "activation", "--calibrate", "nowhere.txt"], "calibrate"),
        (["--heads", "2", "--by", "activation", "--calibrate", "EMPTY"], "calibrate"),
        (["--heads", "2", "--out", "TAKEN"], "out"),
    ],
)
def test_bad_input_is_refused_by_field(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: list[str], field: str
) -> None:
    for name in ("EMPTY", "TAKEN"):
        (tmp_path / name).write_text("")
    given = [str(tmp_path / each) if each in ("EMPTY", "TAKEN") else each for each in changes]
    asked = ["prune", str(model), "--by", "magnitude", "--out", str(tmp_path / "out"), *given]
    assert main(asked) == 2
    said = told(capsys)
    assert (said["event"], said["details"]["field"]) == ("error", field)
    assert {path.name for path in tmp_path.iterdir()} == {"EMPTY", "TAKEN"}


def test_no_model_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prune", str(tmp_path), "--heads", "1", "--out", str(tmp_path / "out")]) == 2
    said = told(capsys)
    assert said["details"]["field"] == "model"
    assert str(tmp_path) not in said["message"]


def test_a_text_is_cut_into_rows_of_the_models_context(
    model: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A text that is longer than all rows together, one shorter than a row, and one that is no text."""
    for written in ("The lazy dog. " * 9000, "fox"):
        text.write_text(written)
        out = tmp_path / str(len(written))
        asked = ["--heads", "2", "--by", "activation", "--calibrate", str(text), "--out", str(out)]
        assert main(["prune", str(model), *asked]) == 0
        capsys.readouterr()
    text.write_bytes(b"\xff\xfe\x00")
    assert main(["prune", str(model), *asked[:-1], str(tmp_path / "out")]) == 2
    assert told(capsys)["details"]["field"] == "calibrate"
