"""``python -m colonnade.learn export``."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from colonnade.learn.command import main
from colonnade.learn.export import onnx, triton
from tests.unit.learn.export.models import config, write_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(config(), tmp_path / "model")


@pytest.fixture
def _no_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes ten seconds."""

    def write(model: Any, path: Path, **options: Any) -> None:
        path.write_text("a graph")

    for module in (onnx, triton):
        monkeypatch.setattr(module, "write_graph", write)


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    (line,) = capsys.readouterr().out.splitlines()
    said: dict[str, Any] = json.loads(line)
    return said


@pytest.mark.usefixtures("_no_graphs")
def test_both_formats(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(model), "--to", "onnx", "--out", str(tmp_path / "onnx")]) == 0
    assert told(capsys)["event"] == "done"
    assert (tmp_path / "onnx" / "model.onnx").exists()
    asked = ["export", str(model), "--to", "triton", "--out", str(tmp_path / "models"), "--name", "tiny"]
    for version in (1, 2):
        assert main([*asked, "--version", str(version)]) == 0
        said = told(capsys)
        assert (said["event"], said["name"], said["version"]) == ("done", "tiny", version)
    assert (tmp_path / "models" / "tiny" / "2" / "model.onnx").exists()
    assert main(asked) == 2
    assert told(capsys)["code"] == "already_exists"


@pytest.mark.usefixtures("_no_graphs")
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        (["--to", "triton"], "name"),
        (["--to", "triton", "--name", "A B"], "name"),
        (["--to", "triton", "--name", "tiny", "--version", "0"], "version"),
        (["--to", "triton", "--name", "tiny", "--rows", "-1"], "rows"),
        (["--to", "onnx", "--rows", "4"], "rows"),
        (["--to", "onnx", "--out", "TAKEN"], "out"),
    ],
)
def test_bad_input_is_refused_by_field(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: list[str], field: str
) -> None:
    (tmp_path / "TAKEN").write_text("")
    given = [str(tmp_path / each) if each == "TAKEN" else each for each in changes]
    assert main(["export", str(model), "--out", str(tmp_path / "out"), *given]) == 2
    assert told(capsys)["details"]["field"] == field
    assert {path.name for path in tmp_path.iterdir()} == {"model", "TAKEN"}


def test_what_is_missing_is_named(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["export", str(model), "--to", "onnx", "--out", str(tmp_path / "out")]) == 2
    said = told(capsys)
    assert said["code"] == "unsupported"
    assert "colonnade[export]" in said["message"]


@pytest.mark.slow
def test_a_process_exports_for_triton_and_says_nothing_else(model: Path, tmp_path: Path) -> None:
    asked = ["--to", "triton", "--name", "tiny", "--out", str(tmp_path / "models")]
    done = subprocess.run(
        [sys.executable, "-m", "colonnade.learn", "export", str(model), *asked],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (json.loads(done.stdout)["event"], done.stderr) == ("done", "")
    session = onnxruntime.InferenceSession(
        tmp_path / "models" / "tiny" / "1" / "model.onnx", providers=["CPUExecutionProvider"]
    )
    past = {
        each.name: np.zeros((1, 2, 0, 4), np.float32)
        for each in session.get_inputs()
        if each.name.startswith("past")
    }
    given = {"input_ids": np.ones((1, 3), np.int64), "attention_mask": np.ones((1, 3), np.int64)}
    assert session.run(["logits"], given | past)[0].shape == (1, 3, 29)
