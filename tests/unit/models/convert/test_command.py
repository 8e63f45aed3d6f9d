import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from colonnade.errors import Code
from colonnade.models.convert import command
from colonnade.models.convert.command import run
from tests.unit.models import tiny_hf
from tests.unit.models.running import randomised
from tests.unit.models.tiny_gguf import write_gguf


def told(source: Path, out: Path) -> tuple[int, list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []
    return run(source, out, events.append), events


def test_tells_of_progress_and_the_end(tmp_path: Path) -> None:
    source = write_gguf(tmp_path / "m.gguf", randomised())
    status, events = told(source, tmp_path / "out")
    assert status == 0
    stages = [event["stage"] for event in events[:-1]]
    assert list(dict.fromkeys(stages)) == ["read", "convert", "write"]
    for stage in ("read", "convert", "write"):
        last = [event for event in events[:-1] if event["stage"] == stage][-1]
        assert last["done"] == last["total"]
    done = events[-1]
    assert done.pop("source_digest").startswith("sha256:")
    assert done == {
        "event": "done",
        "family": "transformer",
        "parameters": sum(parameter.numel() for parameter in randomised().parameters()),
        "size_label": "31K",
        "context_length": 128,
    }


@pytest.mark.parametrize(
    ("name", "content", "code", "message"),
    [
        ("none.gguf", None, Code.NOT_FOUND, "does not exist"),
        ("m.gguf", b"GGUF", Code.INVALID_ARGUMENT, "damaged"),
        ("model.bin", b"\x80\x02", Code.UNSUPPORTED, "only safetensors and GGUF"),
        ("model.pt", b"PK", Code.UNSUPPORTED, "only safetensors and GGUF"),
        ("model.safetensors", b"", Code.UNSUPPORTED, "give the folder"),
        ("notes.txt", b"hello", Code.UNSUPPORTED, "not a GGUF file"),
    ],
)
def test_refusals_are_told(
    tmp_path: Path, name: str, content: bytes | None, code: Code, message: str
) -> None:
    source = tmp_path / name
    if content is not None:
        source.write_bytes(content)
    status, events = told(source, tmp_path / "out")
    assert status == 2
    assert [event["event"] for event in events] == ["error"]
    assert events[0]["code"] == code
    assert message in events[0]["message"]
    assert str(tmp_path) not in json.dumps(events)


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "m.gguf")
    status, events = told(tmp_path / "m.gguf", tmp_path / "out")
    assert (status, events[0]["code"]) == (2, Code.INVALID_ARGUMENT)


def test_a_disk_error_is_told_without_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "secret"))

    monkeypatch.setattr(command, "write_artefact", full)
    _, events = told(write_gguf(tmp_path / "m.gguf", randomised()), tmp_path / "out")
    assert events[-1]["message"] == "the conversion failed: No space left on device"


def child(*arguments: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "colonnade.models.convert", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_as_a_process_it_speaks_json_lines(tmp_path: Path) -> None:
    tiny_hf.save(tiny_hf.make("Qwen2"), tmp_path / "model")
    process = child(tmp_path / "model", "--out", tmp_path / "out")
    output, errors = process.communicate(timeout=120)
    events = [json.loads(line) for line in output.splitlines()]
    assert (process.returncode, events[-1]["event"], errors) == (0, "done", "")


def test_a_terminated_process_leaves_nothing(tmp_path: Path) -> None:
    model = tiny_hf.make("Llama", vocab_size=40_000, num_hidden_layers=1)
    tiny_hf.save(model, tmp_path / "model")
    process = child(tmp_path / "model", "--out", tmp_path / "out")
    assert process.stdout is not None
    process.stdout.readline()  # it has begun
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    names = {path.name for path in tmp_path.iterdir() if path.is_dir()} - {"home"}
    complete = {"model", "out"} if process.returncode == 0 else {"model"}
    assert names == complete
    assert process.returncode in (0, 143)


def test_parameters_count_each_weight_once(tmp_path: Path) -> None:
    model = tiny_hf.make("Llama", tie_word_embeddings=True)
    tiny_hf.save(model, tmp_path / "model")
    _, events = told(tmp_path / "model", tmp_path / "out")
    assert events[-1]["parameters"] == sum(parameter.numel() for parameter in model.parameters())
    assert isinstance(model.lm_head.weight, torch.nn.Parameter)
