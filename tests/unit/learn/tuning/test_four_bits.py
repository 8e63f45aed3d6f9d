"""An adapter beside a base in four bits: what is frozen is what is served, what comes out is what learnt."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from colonnade.engine.kernels.linear import PackedLinear
from colonnade.engine.kernels.pack import pack_model
from colonnade.learn.checkpoints.folder import read_checkpoint
from colonnade.learn.loop.stop import Stop
from colonnade.learn.loop.trainer import Ending
from colonnade.learn.place import Place
from colonnade.learn.recipe import Recipe
from colonnade.learn.run import run
from colonnade.learn.stored_model import StoredModel
from colonnade.learn.tuning.adapting import sites_of
from colonnade.learn.tuning.four_bits import quantised, rounded
from colonnade.models.families import catalog
from colonnade.models.families.transformer import Transformer
from colonnade.models.quantised.layout import unpack
from colonnade.models.quantised.linear import FrozenLinear
from tests.unit.learn.recipes import corpus
from tests.unit.learn.tuning.listening import Heard, Stopping
from tests.unit.learn.tuning.origins import LORA, chat_folder, from_examples, from_model, model_folder, pairs
from tests.unit.models import adapter_files

TOKENS = torch.arange(3, 67)[None]
QLORA = LORA | {"kind": "qlora"}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Qwen2 has biases on some layers and none on others."""
    return model_folder(tmp_path_factory.mktemp("base"), "Qwen2")


def _ran(wanted: Recipe, place: Place) -> Heard:
    heard = Heard()
    assert run(wanted, place, heard, Stop()).ending is Ending.DONE
    return heard


def test_what_is_frozen_is_what_the_engine_serves_in_int4(base: Path) -> None:
    stored = StoredModel.open(base)
    ours, served = quantised(stored, torch.float32), stored.serving()
    pack_model(served, "int4")
    for site in sites_of(ours).values():
        frozen, packed = ours.get_submodule(site.module), served.get_submodule(site.module)
        assert isinstance(frozen, FrozenLinear)
        assert isinstance(packed, PackedLinear)
        assert torch.equal(unpack(frozen.packed), unpack(packed.packed))
    plain = rounded(stored, torch.float32)
    torch.testing.assert_close(plain.forward_full(TOKENS), ours.forward_full(TOKENS))
    assert not torch.allclose(plain.forward_full(TOKENS), stored.model().forward_full(TOKENS), atol=1e-3)
    assert {name for name, _ in plain.named_parameters()} == {
        name for name, _ in stored.model().named_parameters()
    }


def test_learns_and_what_comes_out_is_what_learnt(base: Path, tmp_path: Path) -> None:
    stories = corpus(tmp_path / "corpus")
    wanted = from_model(stories, base, steps=16, tuning=QLORA, output={"merged": True})
    heard = _ran(wanted, Place(tmp_path / "run"))
    assert heard.losses[-1] < heard.losses[0]
    last = read_checkpoint(max((tmp_path / "run" / "checkpoints").glob("step-*")))
    assert all(name.endswith((".down", ".up")) for name in last.group("model"))
    with torch.inference_mode():
        model = rounded(StoredModel.open(base), torch.float32)
        parts = adapter_files.parts(tmp_path / "run" / "adapter", model.adapters)
        adapted = adapter_files.merged(model, parts).forward_full(TOKENS)
        merged = catalog.load({path.name: path for path in (tmp_path / "run" / "model").iterdir()})
        assert isinstance(merged, Transformer)
        torch.testing.assert_close(merged.forward_full(TOKENS), adapted, rtol=1e-4, atol=1e-5)
    said = json.loads((tmp_path / "run" / "adapter" / "adapter_config.json").read_text())
    assert (said["peft_type"], said["r"]) == ("LORA", 4)


@pytest.mark.slow
def test_stopped_it_goes_on_to_the_same_bits(base: Path, tmp_path: Path) -> None:
    """In bfloat16, layers computed again on the way back."""
    wanted = from_model(
        corpus(tmp_path / "corpus"), base, steps=8, tuning=QLORA | {"dropout": 0.1},
        precision={"kind": "bfloat16-mixed"}, batch={"recompute": True},
    )  # fmt: skip
    data = tmp_path / "data"
    _ran(wanted, Place(tmp_path / "whole", data))
    place, stop = Place(tmp_path / "stopped", data), Stop()
    assert run(wanted, place, Stopping(stop, 4), stop).ending is Ending.STOPPED
    _ran(wanted, place)
    one, other = (
        load_file(folder / "adapter" / "adapter_model.safetensors")
        for folder in (tmp_path / "whole", place.folder)
    )
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.slow
def test_learns_to_prefer_beside_it(tmp_path: Path) -> None:
    wanted = from_examples(
        pairs(tmp_path / "a.jsonl"), chat_folder(tmp_path / "base"), "preferences", steps=12, tuning=QLORA,
        objective={"kind": "dpo", "beta": 0.5},
    )  # fmt: skip
    heard = _ran(wanted, Place(tmp_path / "run"))
    assert heard.losses[-1] < heard.losses[0]
