"""Runs with a teacher, and runs whose layers share."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from colonnade.errors import ColonnadeError, Conflict
from colonnade.learn.loop.stop import Stop
from colonnade.learn.loop.trainer import Ending
from colonnade.learn.place import Place
from colonnade.learn.recipe import Recipe
from colonnade.learn.recipe.reading import parse_recipe
from colonnade.learn.reports import Evaluated
from colonnade.learn.run import run
from colonnade.models.artefact import DESCRIPTION, Description
from tests.unit.learn.recipes import corpus, recipe
from tests.unit.learn.tuning.listening import Heard, Stopping
from tests.unit.learn.tuning.origins import from_model, model_folder


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    """One that is sure of what it says, though nobody taught it."""
    folder = model_folder(tmp_path / "teacher")
    stored = load_file(folder / "model.safetensors")
    stored["model.norm.weight"] *= 12
    save_file(stored, folder / "model.safetensors")
    return folder


def taught(stories: Path, teacher: Path, objective: dict[str, Any] | None = None, **changes: Any) -> Recipe:
    """A new student with the teacher's tokenizer."""
    made = recipe(stories, **{"model": {"with": {"vocab_size": 300}}} | changes)
    said = made.model_dump(mode="json", by_alias=True)
    said["data"]["tokenizer"] = {"kind": "file", "path": str(teacher), "end_of_text": "</s>"}
    said["objective"] = {"kind": "distil", "teacher": str(teacher)} | (objective or {})
    return parse_recipe(json.dumps(said))


def ran(wanted: Recipe, place: Place) -> Heard:
    heard = Heard()
    assert run(wanted, place, heard, Stop()).ending is Ending.DONE
    return heard


def told(heard: Heard, name: str) -> list[float]:
    return [event.values[name] for event in heard if isinstance(event, Evaluated)]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = load_file(folder / "model" / "model.safetensors")
    return found


def test_a_student_comes_nearer_to_its_teacher(stories: Path, teacher: Path, tmp_path: Path) -> None:
    objective = {"temperature": 2, "weight": 1, "top": 100}
    heard = ran(taught(stories, teacher, objective, steps=18), Place(tmp_path / "run"))
    apart = told(heard, "divergence")
    assert apart[-1] < 0.9 * apart[0]
    assert len(told(heard, "perplexity")) == 3, "of the text, to compare with other runs"
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["teacher"].startswith("sha256:")


@pytest.mark.slow
def test_stopped_it_goes_on_to_the_same_bits_but_with_no_other_teacher(
    stories: Path, teacher: Path, tmp_path: Path
) -> None:
    wanted, data = taught(stories, teacher, steps=8), tmp_path / "data"
    ran(wanted, Place(tmp_path / "whole", data))
    place, stop = Place(tmp_path / "stopped", data), Stop()
    assert run(wanted, place, Stopping(stop, 4), stop).ending is Ending.STOPPED
    stored = teacher / "model.safetensors"
    kept = stored.read_bytes()
    save_file({name: value + 1 for name, value in load_file(stored).items()}, stored)
    with pytest.raises(Conflict, match=r"another objective\.teacher"):
        run(wanted, place, Heard(), Stop())
    stored.write_bytes(kept)
    ran(wanted, place)
    one, other = weights(tmp_path / "whole"), weights(place.folder)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_where_the_teacher_lies_decides_nothing(stories: Path) -> None:
    one = taught(stories, Path("/a"))
    other = parse_recipe(
        json.dumps(
            one.model_dump(mode="json", by_alias=True)
            | {"objective": {"kind": "distil", "teacher": "/elsewhere"}}
        )
    )
    assert one.digest == other.digest
    assert one.digest != taught(stories, Path("/a"), {"weight": 0.6}).digest


@pytest.mark.parametrize(
    ("objective", "changes", "field"),
    [
        ({"teacher": "nowhere"}, {}, "objective.teacher"),
        ({"teacher": __file__}, {}, "objective.teacher"),
        ({}, {"model": {"with": {"vocab_size": 299}}}, "objective.teacher"),
        ({}, {"batch": {"tokens": 300}, "model": {"with": {"context_length": 4096}}}, "batch.tokens"),
    ],
)
def test_a_teacher_that_cannot_be_is_refused(
    stories: Path,
    teacher: Path,
    tmp_path: Path,
    objective: dict[str, Any],
    changes: dict[str, Any],
    field: str,
) -> None:
    with pytest.raises(ColonnadeError) as refused:
        ran(taught(stories, teacher, objective, **changes), Place(tmp_path / "run"))
    assert refused.value.details["field"] == field


def test_a_teacher_that_spells_otherwise_is_refused(stories: Path, teacher: Path, tmp_path: Path) -> None:
    raw = json.loads((teacher / "tokenizer.json").read_text())
    student = model_folder(tmp_path / "student")
    raw["added_tokens"][2]["content"] = "<end>"
    (teacher / "tokenizer.json").write_text(json.dumps(raw))
    wanted = from_model(stories, student, objective={"kind": "distil", "teacher": str(teacher)})
    with pytest.raises(ColonnadeError, match="spells otherwise than the student"):
        ran(wanted, Place(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("weighed", [pytest.param("last", marks=pytest.mark.slow), "average"])
def test_layers_that_share_come_out_as_layers_of_their_own(
    stories: Path, tmp_path: Path, weighed: str
) -> None:
    share = {"kind": "cyclic", "distinct": 2}
    wanted = recipe(stories, model={"share": share}, average=0.5, output={"weights": weighed})
    assert wanted.digest != recipe(stories, average=0.5).digest
    data = tmp_path / "data"
    heard = ran(wanted, Place(tmp_path / "whole", data))
    assert heard.losses[-1] < heard.losses[0]
    found = weights(tmp_path / "whole")
    for name, value in found.items():
        if name.startswith("model.layers.2."):
            assert torch.equal(value, found[name.replace("layers.2", "layers.0")])
    assert not torch.equal(
        found["model.layers.0.mlp.up_proj.weight"], found["model.layers.1.mlp.up_proj.weight"]
    )
    described = Description.read(tmp_path / "whole" / "model" / DESCRIPTION)
    assert described.source["sharing"] == share
    place, stop = Place(tmp_path / "stopped", data), Stop()
    assert run(wanted, place, Stopping(stop, 4), stop).ending is Ending.STOPPED
    ran(wanted, place)
    again = weights(place.folder)
    assert all(torch.equal(found[name], again[name]) for name in found)


def test_more_owners_than_layers_are_refused(stories: Path, tmp_path: Path) -> None:
    with pytest.raises(ColonnadeError) as refused:
        ran(recipe(stories, model={"share": {"distinct": 4}}), Place(tmp_path / "run"))
    assert refused.value.details["field"] == "model.share.distinct"
    assert not (tmp_path / "run").exists()
