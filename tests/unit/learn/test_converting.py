"""A model made of another without learning: pruned, and on the engine's own grid."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from colonnade.engine.kernels.linear import PackedLinear
from colonnade.engine.kernels.pack import pack_model
from colonnade.errors import InvalidArgument, NotFound, Unsupported
from colonnade.learn.compress.making import pruned
from colonnade.learn.compress.pruning import Sizes
from colonnade.learn.compress.rounding import round_model
from colonnade.learn.converting import convert
from colonnade.learn.loop.stop import Stop
from colonnade.learn.loop.trainer import Ending
from colonnade.learn.place import Place
from colonnade.learn.recipe import ConvertRecipe
from colonnade.learn.recipe.reading import parse_any
from colonnade.learn.reports import Event, Progressed
from colonnade.learn.stored_model import StoredModel
from colonnade.models.artefact import DESCRIPTION, Description
from colonnade.models.convert.huggingface_source import open_folder
from colonnade.models.convert.progress import Progress
from colonnade.models.convert.write import write_artefact
from colonnade.models.families.catalog import load
from colonnade.models.families.transformer.model import Transformer
from colonnade.models.quantised.layout import unpack
from tests.unit.learn.tuning.listening import Heard
from tests.unit.learn.tuning.origins import model_folder
from tests.unit.models import tiny_hf

TOKENS_BT = torch.arange(3, 23).reshape(2, 10)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("model"))


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("The quick brown fox jumps over the lazy dog. " * 60)
    return path


def recipe(model: Path, **said: Any) -> ConvertRecipe:
    found = parse_any(json.dumps({"kind": "convert", "name": "small", "model": {"from": str(model)}} | said))
    assert isinstance(found, ConvertRecipe)
    return found


def converted(wanted: ConvertRecipe, folder: Path) -> tuple[Transformer, dict[str, Any]]:
    assert convert(wanted, Place(folder), Heard(), Stop()).ending is Ending.DONE
    return opened(folder / "model"), json.loads((folder / "result.json").read_text())


def opened(folder: Path) -> Transformer:
    found = load({path.name: path for path in folder.iterdir()})
    assert isinstance(found, Transformer)
    return found


def _before(folder: Path) -> Transformer:
    return StoredModel.open(folder).serving()


def test_it_prunes_as_the_command_does(model: Path, text: Path, tmp_path: Path) -> None:
    said = {"hidden": 32, "layers": 1, "by": "taylor", "calibrate": str(text)}
    made, result = converted(recipe(model, prune=said), tmp_path / "run")
    sizes = Sizes(hidden=32, layers=1)
    expected = pruned(StoredModel.open(model), sizes, by="taylor", calibrate=text)
    assert torch.equal(made.forward_full(TOKENS_BT), expected.forward_full(TOKENS_BT))
    figures = result["metrics"]["conversion"]
    counts = [sum(value.numel() for value in each.parameters()) for each in (_before(model), made)]
    assert [figures["parameters_before"], figures["parameters"]] == counts
    assert (figures["hidden"], figures["layers"], "bits" in figures) == (32, 1, False)
    assert result["base"] == StoredModel.open(model).digest
    source = Description.read(tmp_path / "run" / "model" / DESCRIPTION).source
    assert (source["format"], source["prune"]["by"]) == ("conversion", "taylor")
    assert str(tmp_path) not in json.dumps(source)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(("bits", "form"), [(4, "int4"), (8, "int8")])
def test_an_engine_that_looks_for_grids_serves_the_very_numbers(
    tmp_path: Path, bits: int, form: str, tied: bool
) -> None:
    """Also after the registry's own import, which writes the folder anew."""
    folder = tiny_hf.save(tiny_hf.make("Llama", tie_word_embeddings=tied), tmp_path / "model")
    made, result = converted(recipe(folder, quantise={"bits": bits}), tmp_path / "run")
    assert result["metrics"]["conversion"]["bits"] == bits
    write_artefact(
        open_folder(tmp_path / "run" / "model"), "sha256:ab", tmp_path / "in", Progress(lambda event: None)
    )
    served = opened(tmp_path / "in")
    matrices = {
        name: layer.weight
        for name, layer in opened(tmp_path / "in").named_modules()
        if isinstance(layer, nn.Linear)
    }
    assert pack_model(served, "auto") == form
    packed = {name: layer.packed for name, layer in served.named_modules() if isinstance(layer, PackedLinear)}
    assert {each.form for each in packed.values()} == {form}
    assert matrices.keys() <= packed.keys()
    for name, weight in matrices.items():
        assert torch.equal(unpack(packed[name]), weight)
    before = _before(folder)
    for name, weight in made.named_parameters():
        own = before.get_parameter(name)
        step = (own.max() - own.min()) / 15 if bits == 4 else own.abs().max() / 127
        assert (weight - own).abs().max() <= 0.51 * step
    head = [name for name in packed if name not in matrices]
    assert bool(head) is tied
    for name in head:
        assert torch.equal(unpack(packed[name]), made.embedding.weight)


def test_both_prune_first(model: Path, tmp_path: Path) -> None:
    said = {"prune": {"hidden": 32, "by": "magnitude"}, "quantise": {"bits": 8}}
    made, result = converted(recipe(model, **said), tmp_path / "run")
    expected = pruned(StoredModel.open(model), Sizes(hidden=32), by="magnitude").to(torch.float32)
    round_model(expected, 8)
    assert torch.equal(made.forward_full(TOKENS_BT), expected.forward_full(TOKENS_BT))
    assert result["metrics"]["conversion"]["hidden"] == 32


def test_offsets_far_larger_than_their_range_find_the_grid() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(96, 64, bias=False)
    layer.weight = nn.Parameter(1.0 + torch.rand(64, 96) * 10.0 ** -torch.randint(0, 9, (64, 1)).float())
    before = layer.weight.detach().clone()
    round_model(nn.Sequential(layer), 4)
    assert pack_model(nn.Sequential(layer), "auto") == "int4"
    assert (layer.weight - before).abs().max() < 0.05


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e9])
def test_what_the_grid_cannot_hold_is_refused(value: float) -> None:
    layer = nn.Linear(32, 8, bias=False)
    with torch.no_grad():
        layer.weight[3, 5] = value
    with pytest.raises(Unsupported) as refusal:
        round_model(nn.Sequential(layer), 4)
    assert refusal.value.details["field"] == "quantise"


def test_what_is_there_is_left_as_it_is(model: Path, tmp_path: Path) -> None:
    wanted = recipe(model, quantise={"bits": 4})
    _, first = converted(wanted, tmp_path / "run")
    (tmp_path / "run" / "result.json").unlink()
    written = (tmp_path / "run" / "model" / "model.safetensors").stat().st_mtime_ns
    _, again = converted(wanted, tmp_path / "run")
    assert again == first
    assert (tmp_path / "run" / "model" / "model.safetensors").stat().st_mtime_ns == written


def test_stopped_it_leaves_nothing_and_begins_anew(model: Path, text: Path, tmp_path: Path) -> None:
    stop, place = Stop(), Place(tmp_path / "run")
    wanted = recipe(model, prune={"hidden": 32, "calibrate": str(text)})

    class Stopping(Heard):
        def __call__(self, event: Event) -> None:
            if isinstance(event, Progressed) and event.stage == "measure":
                stop.ask()

    assert convert(wanted, place, Stopping(), stop).ending is Ending.STOPPED
    assert not place.model.exists()
    assert converted(wanted, place.folder)[0].config.hidden == 32


@pytest.mark.parametrize(
    ("prune", "field"),
    [
        ({"heads": 9, "by": "magnitude"}, "prune.heads"),
        ({"layers": 0, "by": "magnitude"}, "prune.layers"),
        ({"hidden": 32, "calibrate": "nowhere.txt"}, "prune.calibrate"),
    ],
)
def test_bad_input_is_refused_by_the_recipes_field(
    model: Path, tmp_path: Path, prune: dict[str, Any], field: str
) -> None:
    with pytest.raises((InvalidArgument, NotFound)) as refusal:
        converted(recipe(model, prune=prune), tmp_path / "run")
    assert refusal.value.details["field"] == field
    assert not (tmp_path / "run" / "model").exists()
