"""What is exported is what a push sends, an import takes, an engine loads and transformers opens."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from colonnade.errors import AlreadyExists, ColonnadeError, InvalidArgument, NotFound, Unsupported
from colonnade.learn.checkpoints import CheckpointManager, Snapshot
from colonnade.learn.checkpoints.export import export
from colonnade.models.artefact import DESCRIPTION, WEIGHTS, Description
from colonnade.models.convert.huggingface_source import open_folder
from colonnade.models.convert.progress import Progress
from colonnade.models.convert.write import write_artefact
from colonnade.models.families.catalog import load
from colonnade.models.families.transformer.config import TransformerConfig
from colonnade.models.families.transformer.model import Transformer
from tests.harness.tiny_model import write_tiny_llama

_TOKENS_BT = torch.arange(12).reshape(2, 6)


def config(**changes: Any) -> TransformerConfig:
    sizes: dict[str, Any] = {
        "vocab_size": 320, "context_length": 64, "width": 16, "layers": 2, "heads": 4, "kv_heads": 2,
        "head_width": 4, "hidden": 24,
    }  # fmt: skip
    return TransformerConfig(**sizes | changes)


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    """A folder with tokenizer.json, tokenizer_config.json and no weights of interest."""
    folder = write_tiny_llama(tmp_path / "tokenizer")
    (folder / WEIGHTS).unlink()
    return folder


def trained(made: TransformerConfig, seed: int = 1) -> tuple[Transformer, Snapshot]:
    torch.manual_seed(seed)
    model = Transformer(made)
    tensors = {f"model/{name}": value for name, value in model.named_parameters()}
    averages = {f"average/{name}": value.detach() / 2 for name, value in model.named_parameters()}
    return model, Snapshot(70, 0.5, tensors | averages)


def exported(snapshot: Snapshot, out: Path, tokenizer: Path, **options: Any) -> Description:
    given: dict[str, Any] = {"family": "transformer", "config": config(), "end_of_text": 0}
    return export(snapshot, out, tokenizer=tokenizer, **given | options)


def opened(folder: Path) -> Transformer:
    model = load({path.name: path for path in folder.iterdir()})
    assert isinstance(model, Transformer)
    return model


@pytest.mark.parametrize("tied", [True, False])
def test_the_exported_model_is_the_trained_one(tmp_path: Path, tokenizer: Path, tied: bool) -> None:
    model, snapshot = trained(config(tied=tied))
    with CheckpointManager(tmp_path / "run") as checkpoints:
        checkpoints.save(snapshot)
        kept = checkpoints.load(70)
    told = exported(
        kept, tmp_path / "out", tokenizer, config=config(tied=tied), source={"recipe": "sha256:ab"}
    )
    assert told == Description.read(tmp_path / "out" / DESCRIPTION)
    assert told.parameters == sum(value.numel() for value in model.parameters())
    assert told.source == {"format": "training", "step": 70, "weights": "model", "recipe": "sha256:ab"}
    assert (told.family, told.context_length, told.dtype) == ("transformer", 64, "float32")
    with torch.no_grad():
        assert torch.equal(opened(tmp_path / "out").forward_full(_TOKENS_BT), model.forward_full(_TOKENS_BT))


def test_an_import_makes_the_same_files_of_it(tmp_path: Path, tokenizer: Path) -> None:
    exported(trained(config())[1], tmp_path / "out", tokenizer)
    write_artefact(open_folder(tmp_path / "out"), "sha256:00", tmp_path / "taken", Progress(lambda _: None))
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {path.name for path in (tmp_path / "taken").iterdir()}
    for name in names - {DESCRIPTION, WEIGHTS}:  # whose order is another
        found, expected = (tmp_path / folder / name for folder in ("taken", "out"))
        assert json.loads(found.read_text()) == json.loads(expected.read_text()), name
    found, expected = (load_file(tmp_path / folder / WEIGHTS) for folder in ("taken", "out"))
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in found)
    told = [json.loads((tmp_path / folder / DESCRIPTION).read_text()) for folder in ("taken", "out")]
    assert told[0] | {"source": None} == told[1] | {"source": None}


def test_generation_stops_at_the_end_of_a_text(tmp_path: Path, tokenizer: Path) -> None:
    (tokenizer / "tokenizer_config.json").unlink()
    exported(trained(config())[1], tmp_path / "out", tokenizer, end_of_text=2)
    said = {
        name: json.loads((tmp_path / "out" / name).read_text())
        for name in ("config.json", "generation_config.json", "tokenizer_config.json")
    }
    assert said["config.json"]["eos_token_id"] == [2]
    assert said["generation_config.json"] == {"eos_token_id": [2]}
    assert said["tokenizer_config.json"]["eos_token"] == "<|im_end|>"


def test_averaged_weights(tmp_path: Path, tokenizer: Path) -> None:
    model, snapshot = trained(config())
    frozen = {name: value for name, value in snapshot.tensors.items() if name != "average/norm.weight"}
    shot = Snapshot(70, 0.5, frozen)
    assert exported(shot, tmp_path / "out", tokenizer, weights="average").source["weights"] == "average"
    found = dict(opened(tmp_path / "out").named_parameters())
    assert torch.equal(found["embedding.weight"], model.embedding.weight / 2)
    assert torch.equal(found["norm.weight"], model.norm.weight)  # has no average: as it is


def test_another_dtype(tmp_path: Path, tokenizer: Path) -> None:
    model, snapshot = trained(config())
    told = exported(snapshot, tmp_path / "out", tokenizer, dtype=torch.bfloat16)
    found = opened(tmp_path / "out")
    assert (told.dtype, found.dtype) == ("bfloat16", torch.bfloat16)
    assert torch.equal(found.embedding.weight, model.embedding.weight.bfloat16())


def test_weights_of_several_dtypes_are_stored_as_the_widest(tmp_path: Path, tokenizer: Path) -> None:
    _, snapshot = trained(config())
    mixed = {
        name: value.bfloat16() if "embedding" in name else value for name, value in snapshot.tensors.items()
    }
    assert exported(Snapshot(1, 0, mixed), tmp_path / "out", tokenizer).dtype == "float32"


def _without(snapshot: Snapshot, head: str) -> Snapshot:
    kept = {name: value for name, value in snapshot.tensors.items() if not name.startswith(head)}
    return Snapshot(snapshot.step, snapshot.epoch, kept)


REFUSED: dict[str, tuple[type[ColonnadeError], str, Any, dict[str, Any]]] = {
    "no weights": (NotFound, "has no model/ tensors", lambda shot: _without(shot, "model/"), {}),
    "no average": (
        NotFound,
        "no averaged weights",
        lambda shot: _without(shot, "average/"),
        {"weights": "average"},
    ),
    "lacking": (InvalidArgument, "lacks 1 tensors: norm", lambda shot: _without(shot, "model/norm"), {}),
    "shapes": (InvalidArgument, "its configuration implies", lambda shot: shot, {"config": config(width=12)}),
    "deeper": (InvalidArgument, "lacks", lambda shot: shot, {"config": config(layers=3)}),
    "family": (Unsupported, "known are", lambda shot: shot, {"family": "oracle"}),
    "no such end": (InvalidArgument, "eos_token_id must be", lambda shot: shot, {"end_of_text": 900}),
    "no token": (InvalidArgument, "has no token 319", lambda shot: shot, {"end_of_text": 319}),
    "infinite": (
        InvalidArgument,
        "holds NaN or infinite",
        lambda shot: Snapshot(1, 0, {name: value / 0 for name, value in shot.tensors.items()}),
        {},
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_no_model_is_refused_and_leaves_nothing(
    tmp_path: Path, tokenizer: Path, case: str
) -> None:
    error, told, change, options = REFUSED[case]
    with pytest.raises(error, match=told):
        exported(change(trained(config())[1]), tmp_path / "out", tokenizer, **options)
    assert {path.name for path in tmp_path.iterdir()} == {"tokenizer"}


def test_nothing_is_written_over(tmp_path: Path, tokenizer: Path) -> None:
    with pytest.raises(AlreadyExists):
        exported(trained(config())[1], tokenizer, tokenizer)


def test_without_a_tokenizer_there_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(Unsupported, match=r"no tokenizer\.json"):
        exported(trained(config())[1], tmp_path / "out", tmp_path / "empty")
