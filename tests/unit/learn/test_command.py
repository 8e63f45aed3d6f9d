"""The worker as the process that started it sees it: JSON lines, and a status that says how it ended."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from colonnade.learn.command import main
from colonnade.learn.stages import counted
from tests.unit.learn.recipes import corpus, recipe
from tests.unit.learn.tuning.origins import model_folder


def _written(folder: Path, **changes: Any) -> Path:
    wanted = recipe(corpus(folder / "corpus"), **changes)
    path = folder / "recipe.yaml"
    path.write_text(json.dumps(wanted.model_dump(mode="json", by_alias=True)))
    return path


def test_tells_what_happens_and_ends_with_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _written(tmp_path, reports={"tensorboard": True})
    asked = ["run", str(path), "--out", str(tmp_path / "run"), "--set", "steps=6", "--threads", "1"]
    assert main(asked) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    events = [line["event"] for line in said]
    assert events[0] == "progress"
    assert {"began", "step", "evaluation", "sample", "checkpoint"} <= set(events)
    assert said[-1]["event"] == "done"
    assert (said[-1]["ending"], said[-1]["step"]) == ("done", 6)
    kept = [json.loads(line)["event"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert kept == events[:-1]
    assert list((tmp_path / "run" / "tensorboard").iterdir())


def test_a_refusal_is_an_event_and_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _written(tmp_path)
    assert main(["run", str(path), "--out", str(tmp_path / "run"), "--set", "model.preset=huge"]) == 2
    (line,) = capsys.readouterr().out.splitlines()
    said = json.loads(line)
    assert (said["event"], said["details"]["field"]) == ("error", "model.preset")
    assert not (tmp_path / "run" / "log.jsonl").exists() or not (tmp_path / "run" / "log.jsonl").read_text()


def test_processes_that_do_not_fit_are_refused_before_any_is_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _written(tmp_path, parallel={"shards": 5})
    assert main(["run", str(path), "--out", str(tmp_path / "run"), "--processes", "4"]) == 2
    said = json.loads(capsys.readouterr().out)
    assert (said["event"], said["details"]["field"]) == ("error", "parallel")


def test_a_run_that_is_not_well_has_a_status_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _written(tmp_path, optimiser={"learning_rate": 1e9}, clipping={"kind": "none"}, steps=60)
    assert main(["run", str(path), "--out", str(tmp_path / "run"), "--set", "health.most_skips=1"]) == 4
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["event"], last["ending"]) == ("done", "sick")
    assert "Try this" in last["sentence"]


def test_the_schema_has_every_section(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    kinds = {kind: schema["$defs"][place.rpartition("/")[2]] for kind, place in _kinds(schema).items()}
    assert kinds.keys() == {"train", "evaluate", "convert"}
    assert {"data", "model", "optimiser", "schedule", "health"} <= kinds["train"]["properties"].keys()
    assert {"prune", "quantise"} <= kinds["convert"]["properties"].keys()


def _kinds(schema: dict[str, Any]) -> dict[str, str]:
    return dict(schema["discriminator"]["mapping"])


def _evaluation(folder: Path) -> Path:
    path = folder / "evaluate.yaml"
    said = {
        "kind": "evaluate",
        "name": "held-out",
        "model": {"from": str(model_folder(folder / "model"))},
        "data": {"sources": [{"kind": "jsonl", "name": "stories", "paths": [str(corpus(folder))]}]},
        "batch": {"tokens": 32, "rows": 4},
        "evaluation": {"batches": 3, "prompts": ["the cat"], "prompt_tokens": 4},
    }
    path.write_text(json.dumps(said))
    return path


def test_an_evaluation_is_told_as_a_training_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["run", str(_evaluation(tmp_path)), "--out", str(tmp_path / "run"), "--threads", "1"]
    assert main(asked) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["event"] for line in said} == {"progress", "evaluation", "sample", "done"}
    assert {"evaluate"} < {line["stage"] for line in said if line["event"] == "progress"}
    (found,) = [line for line in said if line["event"] == "evaluation"]
    assert (said[-1]["ending"], said[-1]["metrics"]["validation"]["loss"]) == ("done", found["loss"])
    kept = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["event"] for line in kept] == [line["event"] for line in said[:-1]]


def test_only_trainings_are_spread(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(_evaluation(tmp_path))
    assert main(["run", path, "--out", str(tmp_path / "run"), "--processes", "2"]) == 2
    assert json.loads(capsys.readouterr().out)["details"]["field"] == "processes"


def test_of_a_clusters_processes_the_first_does_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(_evaluation(tmp_path))
    for rank, told in (("1", False), ("0", True)):
        monkeypatch.setenv("WORLD_SIZE", "2")
        monkeypatch.setenv("RANK", rank)
        assert main(["run", path, "--out", str(tmp_path / "run"), "--threads", "1"]) == 0
        assert bool(capsys.readouterr().out) is told
        assert (tmp_path / "run" / "result.json").exists() is told


def test_a_stopped_evaluation_has_status_3_and_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(_evaluation(tmp_path))

    def signalled(stage: str, *more: Any) -> Iterator[Any]:
        for number, item in enumerate(counted(stage, *more)):
            yield item
            if not number:
                os.kill(os.getpid(), signal.SIGTERM)

    asked = ["run", path, "--out", str(tmp_path / "run"), "--threads", "1"]
    with monkeypatch.context() as patched:
        patched.setattr("colonnade.learn.evaluating.counted", signalled)
        assert main(asked) == 3
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["ending"] == "stopped"
    assert not (tmp_path / "run" / "result.json").exists()
    assert main(asked) == 0
    assert (tmp_path / "run" / "result.json").exists()


def test_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "colonnade.learn", "run"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "RECIPE" in done.stderr
