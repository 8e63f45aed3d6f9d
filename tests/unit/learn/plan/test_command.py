"""``python -m colonnade.learn plan`` as people see it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from colonnade.learn.command import REFUSED, main
from colonnade.learn.recipe.parts import BatchSettings
from tests.unit.learn.recipes import corpus, recipe


@pytest.fixture
def written(tmp_path: Path) -> Path:
    wanted = recipe(corpus(tmp_path / "corpus"))
    path = tmp_path / "recipe.yaml"
    path.write_text(json.dumps(wanted.model_dump(mode="json", by_alias=True)))
    return path


def test_a_recipe_is_planned_as_a_table_and_as_lines_for_the_recipe(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["plan", "recipe", str(written), "--devices", "2", "--memory", "8GB"]
    assert main([*asked, "--set", "batch.rows=4"]) == 0
    said = capsys.readouterr().out
    assert "recommended" in said
    lines = yaml.safe_load(said[said.index("parallel:") :])
    assert lines["parallel"] == {"replicas": 2, "shards": 1, "tensor": 1}
    assert BatchSettings.model_validate(lines["batch"]).rows == 4
    assert main([*asked, "--set", "batch.rows=4", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["parallel"] == lines["parallel"]
    assert 0 < found["memory"]["weights"] < found["memory"]["total"]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["--devices", "2", "--memory", "much"], "size"),
        (["--devices", "0", "--memory", "8GB"], "devices"),
        (["--devices", "2", "--memory", "1KB"], "memory"),
    ],
)
def test_what_cannot_be_planned_is_refused(
    written: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], field: str
) -> None:
    assert main(["plan", "recipe", str(written), *arguments]) == REFUSED
    assert field in capsys.readouterr().err


def test_presets_have_their_counted_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + 6 * 3
    assert lines[2].split("|")[2].strip() == "15.4M"


def test_a_deepspeed_configuration_becomes_sections_of_a_recipe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "zero3.json"
    path.write_text(json.dumps({"train_batch_size": 1024, "train_micro_batch_size_per_gpu": 16}))
    assert main(["plan", "zero", str(path), "--processes", "2"]) == 0
    said = yaml.safe_load(capsys.readouterr().out.split("\n# ZeRO")[0])
    assert said["batch"] == {"rows": 16, "accumulate": 64}


@pytest.mark.slow
def test_processes_of_this_machine_time_what_they_exchange() -> None:
    asked = ["plan", "collectives", "--processes", "2", "--sizes", "4KB", "--repeats", "1", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "colonnade.learn", *asked],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert [each["processes"] for each in json.loads(done.stdout)] == [2] * 4


def test_one_process_exchanges_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "collectives", "--processes", "1"]) == REFUSED
    assert "processes" in capsys.readouterr().err
