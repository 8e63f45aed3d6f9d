"""An adapter's folder on its way into the registry."""

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from colonnade.models.adapters.peft import CONFIG, WEIGHTS
from colonnade.models.artefact import DESCRIPTION, Description
from colonnade.models.convert.adapter import Base, sites_of
from colonnade.models.convert.command import convert, main, run
from tests.unit.models import adapter_files, tiny_hf

DIGEST = f"sha256:{'ab' * 32}"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    folder = tmp_path_factory.mktemp("base")
    source = tiny_hf.save(tiny_hf.make("Llama"), folder / "source")
    convert(source, folder / "model", lambda _: None)
    return Base(DIGEST, folder / "model" / DESCRIPTION, folder / "model" / "config.json")


def adapter(base: Base, folder: Path, **more: Any) -> Path:
    return adapter_files.write(folder, sites_of(base), **more)


def told(source: Path, out: Path, base: Base | None) -> tuple[int, list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []
    return run(source, out, events.append, base), events


def test_becomes_a_version_that_names_its_base(base: Base, tmp_path: Path) -> None:
    source, out = adapter(base, tmp_path / "adapter"), tmp_path / "out"
    status, events = told(source, out, base)
    tensors = load_file(source / WEIGHTS)
    assert status == 0
    assert events[-1] == {
        "event": "done", "family": "lora", "parameters": sum(each.numel() for each in tensors.values()),
        "size_label": events[-1]["size_label"], "context_length": 128, "base": DIGEST,
        "source_digest": events[-1]["source_digest"],
    }  # fmt: skip
    assert {path.name for path in out.iterdir()} == {CONFIG, WEIGHTS, DESCRIPTION}
    description = Description.read(out / DESCRIPTION)
    assert (description.family, description.base, description.dtype) == ("lora", DIGEST, "float32")
    written = load_file(out / WEIGHTS)
    assert written.keys() == tensors.keys()
    assert all(written[name].equal(tensors[name]) for name in tensors)
    assert json.loads((out / CONFIG).read_text())["base_model_name_or_path"] is None


def test_the_same_adapter_is_the_same_version_whenever_it_comes(base: Base, tmp_path: Path) -> None:
    source = adapter(base, tmp_path / "adapter")
    for name in ("one", "two"):
        assert told(source, tmp_path / name, base)[0] == 0
    for name in (CONFIG, WEIGHTS, DESCRIPTION):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_without_its_base_it_is_refused(base: Base, tmp_path: Path) -> None:
    status, events = told(adapter(base, tmp_path / "adapter"), tmp_path / "out", None)
    assert status == 2
    assert events[-1]["details"]["field"] == "base"
    assert not (tmp_path / "out").exists()


def test_a_model_has_no_base(base: Base, tmp_path: Path) -> None:
    source = tiny_hf.save(tiny_hf.make("Llama"), tmp_path / "model")
    status, events = told(source, tmp_path / "out", base)
    assert (status, events[-1]["details"]["field"]) == (2, "base")


def test_what_does_not_fit_the_base_is_refused_before_anything_is_written(base: Base, tmp_path: Path) -> None:
    other = tiny_hf.save(tiny_hf.make("Llama", hidden_size=48), tmp_path / "other")
    convert(other, tmp_path / "model", lambda _: None)
    wrong = Base(DIGEST, tmp_path / "model" / DESCRIPTION, tmp_path / "model" / "config.json")
    status, events = told(adapter(base, tmp_path / "adapter"), tmp_path / "out", wrong)
    assert (status, events[-1]["code"]) == (2, "invalid_argument")
    assert "lora_" in events[-1]["details"]["field"]
    assert not (tmp_path / "out").exists()


def test_pickled_weights_are_refused(base: Base, tmp_path: Path) -> None:
    source = adapter(base, tmp_path / "adapter")
    (source / WEIGHTS).rename(source / "adapter_model.bin")
    status, events = told(source, tmp_path / "out", base)
    assert (status, events[-1]["code"]) == (2, "unsupported")
    assert "pickle" in events[-1]["message"]


def test_a_base_that_takes_no_adapters_is_refused(base: Base, tmp_path: Path) -> None:
    about = json.loads(base.description.read_text()) | {"family": "encoder"}
    (tmp_path / DESCRIPTION).write_text(json.dumps(about))
    wrong = Base(DIGEST, tmp_path / DESCRIPTION, base.config)
    status, events = told(adapter(base, tmp_path / "adapter"), tmp_path / "out", wrong)
    assert (status, events[-1]["code"], events[-1]["details"]["field"]) == (2, "unsupported", "base")


def test_the_command_takes_the_base_as_a_whole(
    base: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = str(adapter(base, tmp_path / "adapter"))
    arguments = [source, "--out", str(tmp_path / "out"), "--base", DIGEST]
    with pytest.raises(SystemExit):
        main(arguments)
    more = ["--base-description", str(base.description), "--base-config", str(base.config)]
    capsys.readouterr()
    assert main([*arguments, *more]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["event"] == "done"
