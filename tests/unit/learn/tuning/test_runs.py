"""Runs that start from a model: all of it learns, or an adapter beside it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from colonnade.errors import ColonnadeError, Conflict
from colonnade.learn.checkpoints.folder import read_checkpoint
from colonnade.learn.loop.stop import Stop
from colonnade.learn.loop.trainer import Ending
from colonnade.learn.place import Place
from colonnade.learn.recipe import Recipe
from colonnade.learn.run import run
from colonnade.models.artefact import DESCRIPTION
from colonnade.models.convert.adapter import Base, open_adapter
from colonnade.models.convert.command import convert
from colonnade.models.families import catalog
from colonnade.models.families.transformer import Transformer
from tests.unit.learn.recipes import corpus
from tests.unit.learn.tuning.listening import Heard, Stopping
from tests.unit.learn.tuning.origins import LORA, from_model, model_folder
from tests.unit.models import adapter_files

TOKENS = torch.arange(3, 67)[None]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("base"))


def _ran(wanted: Recipe, folder: Path, data: Path | None = None) -> Heard:
    heard = Heard()
    assert run(wanted, Place(folder, data), heard, Stop()).ending is Ending.DONE
    return heard


def _loaded(folder: Path) -> Transformer:
    model = catalog.load({path.name: path for path in folder.iterdir()}, dtype=torch.float32)
    assert isinstance(model, Transformer)
    return model


def _converted(base: Path, out: Path) -> Path:
    """As the registry has it."""
    convert(base, out, lambda event: None)
    return out


def _adapted(base: Path, adapter: Path) -> Tensor:
    """Logits of the base with the adapter, as it is served."""
    with torch.inference_mode():
        model = _loaded(base)
        parts = adapter_files.parts(adapter, model.adapters)
        return adapter_files.merged(model, parts).forward_full(TOKENS)


def _adapter(folder: Path) -> Mapping[str, Tensor]:
    found: Mapping[str, Tensor] = load_file(folder / "adapter" / "adapter_model.safetensors")
    return found


def _same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_all_of_a_model_goes_on_learning_and_keeps_its_tokenizer(
    stories: Path, base: Path, tmp_path: Path
) -> None:
    before = (base / "model.safetensors").read_bytes()
    heard = _ran(from_model(stories, base, steps=24), tmp_path)
    assert heard.losses[-1] < heard.losses[0]
    assert (base / "model.safetensors").read_bytes() == before
    made = tmp_path / "model"
    assert (made / "tokenizer.json").read_text() == (base / "tokenizer.json").read_text()
    assert json.loads((made / "tokenizer_config.json").read_text())["chat_template"] == "{{ messages }}"
    assert json.loads((made / "generation_config.json").read_text())["eos_token_id"] == [2]
    assert _loaded(made).vocab_size == 300
    assert AutoTokenizer.from_pretrained(made).eos_token == "</s>"
    result = json.loads((tmp_path / "result.json").read_text())
    described = json.loads((made / DESCRIPTION).read_text())
    assert described["source"]["base"] == result["base"]


def test_the_first_weights_are_the_models_own(stories: Path, base: Path, tmp_path: Path) -> None:
    wanted = from_model(stories, base, steps=2, optimiser={"name": "sgd", "learning_rate": 1e-30})
    _ran(wanted, tmp_path / "run")
    registered = _converted(base, tmp_path / "registered")
    assert _same(_stored(tmp_path / "run" / "model"), _stored(registered))


def _stored(folder: Path) -> dict[str, Tensor]:
    found: dict[str, Tensor] = load_file(folder / "model.safetensors")
    return found


def test_starts_from_shards_and_from_what_a_run_left(stories: Path, tmp_path: Path) -> None:
    sharded = model_folder(tmp_path / "sharded", max_shard_size="20KB")
    assert not (sharded / "model.safetensors").exists()
    _ran(from_model(stories, sharded, steps=2), tmp_path / "first", tmp_path / "data")
    _ran(from_model(stories, tmp_path / "first" / "model", steps=2), tmp_path / "second", tmp_path / "data")
    assert _loaded(tmp_path / "second" / "model").vocab_size == 300


def test_an_adapter_learns_and_the_base_does_not_change(stories: Path, base: Path, tmp_path: Path) -> None:
    before = (base / "model.safetensors").read_bytes()
    heard = _ran(from_model(stories, base, steps=24, tuning=LORA, average=0.5), tmp_path)
    assert heard.losses[-1] < heard.losses[0]
    assert (base / "model.safetensors").read_bytes() == before
    assert not (tmp_path / "model").exists()
    last = read_checkpoint(max((tmp_path / "checkpoints").glob("step-*")))
    names = set(last.group("model"))
    assert names == set(last.group("average")), "the average is of what learns"
    assert all(name.endswith((".down", ".up")) for name in names)
    assert {name.rpartition("/")[0] for name in last.group("optimiser")} == names
    assert last.facts["base"] == json.loads((tmp_path / "result.json").read_text())["base"]


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks transformers
@pytest.mark.parametrize(
    "more", [{}, {"rank_stabilised": True}, {"targets": ["q_proj", "down_proj"], "dropout": 0.1}]
)
def test_what_comes_out_is_what_learnt_wherever_it_is_read(
    stories: Path, base: Path, tmp_path: Path, more: dict[str, Any]
) -> None:
    wanted = from_model(stories, base, tuning=LORA | more, output={"merged": True}, steps=6)
    _ran(wanted, tmp_path / "run", tmp_path / "data")
    registered = _converted(base, tmp_path / "registered")
    about = Base("sha256:" + "0" * 64, registered / DESCRIPTION, registered / "config.json")
    adapter = tmp_path / "run" / "adapter"
    open_adapter(adapter, about)  # refuses what does not fit
    convert(adapter, tmp_path / "imported", lambda event: None, about)
    ours = _adapted(registered, tmp_path / "imported")
    theirs = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), str(adapter))
    with torch.inference_mode():
        torch.testing.assert_close(theirs(TOKENS).logits, ours, rtol=1e-4, atol=1e-5)
        merged = _loaded(tmp_path / "run" / "model").forward_full(TOKENS)
        assert not torch.allclose(merged, _loaded(registered).forward_full(TOKENS), atol=1e-2)
    torch.testing.assert_close(merged, ours, rtol=1e-4, atol=1e-5)


def test_the_average_of_an_adapter_is_what_comes_out_where_it_is_asked_for(
    stories: Path, base: Path, tmp_path: Path
) -> None:
    for name in ("last", "average"):
        wanted = from_model(stories, base, tuning=LORA, average=0.9, steps=6, output={"weights": name})
        _ran(wanted, tmp_path / name, tmp_path / "data")
    last = read_checkpoint(max((tmp_path / "average" / "checkpoints").glob("step-*")))
    learnt = last.group("average")["blocks.1.attention.key.up"]
    name = "base_model.model.model.layers.1.self_attn.k_proj.lora_B.weight"
    assert torch.equal(_adapter(tmp_path / "average")[name], learnt)
    assert not torch.equal(_adapter(tmp_path / "last")[name], learnt)


@pytest.mark.parametrize("tuning", [LORA | {"dropout": 0.2}, {"kind": "full"}])
def test_stopped_it_goes_on_to_the_same_bits(
    stories: Path, base: Path, tmp_path: Path, tuning: dict[str, Any]
) -> None:
    wanted = from_model(stories, base, tuning=tuning)
    _ran(wanted, tmp_path / "whole", tmp_path / "data")
    place, stop = Place(tmp_path / "stopped", tmp_path / "data"), Stop()
    assert run(wanted, place, Stopping(stop, 4), stop).ending is Ending.STOPPED
    _ran(wanted, place.folder, place.data)
    if tuning["kind"] == "lora":
        assert _same(_adapter(tmp_path / "whole"), _adapter(place.folder))
    else:
        assert _same(_stored(tmp_path / "whole" / "model"), _stored(place.folder / "model"))


def test_it_does_not_go_on_from_another_base(stories: Path, tmp_path: Path) -> None:
    base = model_folder(tmp_path / "base")
    place, stop = Place(tmp_path / "run"), Stop()
    wanted = from_model(stories, base, tuning=LORA)
    assert run(wanted, place, Stopping(stop, 4), stop).ending is Ending.STOPPED
    weights = load_file(base / "model.safetensors")
    save_file({name: value + 1 for name, value in weights.items()}, base / "model.safetensors")
    with pytest.raises(Conflict, match=r"began with another model\.from"):
        run(wanted, place, Heard(), Stop())


def test_the_recipe_names_a_folder_but_its_place_decides_nothing(stories: Path, base: Path) -> None:
    one, other = from_model(stories, base), from_model(stories, Path("/elsewhere"))
    assert one.digest == other.digest
    assert one.digest != from_model(stories, base, tuning=LORA).digest
    assert one.digest == from_model(stories, base, tuning={"kind": "full"}).digest


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"model": {"from": "nowhere"}}, "model.from"),
        ({"model": {"from": __file__}}, "model.from"),
        ({"batch": {"tokens": 4096}}, "batch.tokens"),
        ({"tuning": LORA | {"targets": ["colour"]}}, "tuning.targets"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    stories: Path, base: Path, tmp_path: Path, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(ColonnadeError) as caught:
        _ran(from_model(stories, base, **changes), tmp_path)
    assert caught.value.details["field"] == field
    assert not any(tmp_path.iterdir())


def test_another_tokenizer_than_the_models_is_refused(stories: Path, base: Path, tmp_path: Path) -> None:
    raw = json.loads((base / "tokenizer.json").read_text())
    raw["added_tokens"][2]["content"] = "<end>"
    (tmp_path / "tokenizer.json").write_text(json.dumps(raw))
    said = {"kind": "file", "path": str(tmp_path), "end_of_text": "<end>"}
    with pytest.raises(ColonnadeError, match="spells otherwise"):
        _ran(from_model(stories, base, tokenizer=said), tmp_path / "run")
    own = {"kind": "file", "path": str(base), "end_of_text": "</s>"}
    _ran(from_model(stories, base, tokenizer=own, steps=2), tmp_path / "other")
