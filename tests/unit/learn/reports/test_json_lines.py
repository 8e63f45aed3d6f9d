"""The log of a run: whole lines, whatever tore it, and nothing that JSON does not know."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.learn.reports import Began, Evaluated, Progressed, Said, Sampled, Saved, Stepped
from colonnade.learn.reports.json_lines import JsonLines


def _lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_event_is_a_line(tmp_path: Path) -> None:
    log = JsonLines.appended(tmp_path / "run" / "log.jsonl")
    log(Progressed("prepare", 1, 4))
    log(Began(2))
    log(Stepped(3, {"loss": 2.5, "gradient_norm": math.nan}))
    log(Evaluated(3, {"perplexity": math.inf}))
    log(Sampled(3, "Once", " upon\na time"))
    log(Saved(3))
    log(Said("the loss scale was halved", {"scale": 32768.0}))
    log.tell("done", step=3)
    log.close()
    found = _lines(tmp_path / "run" / "log.jsonl")
    assert all(isinstance(line.pop("at"), float) for line in found)
    assert found == [
        {"event": "progress", "stage": "prepare", "done": 1, "total": 4},
        {"event": "began", "step": 2},
        {"event": "step", "step": 3, "loss": 2.5, "gradient_norm": "nan"},
        {"event": "evaluation", "step": 3, "perplexity": "inf"},
        {"event": "sample", "step": 3, "prompt": "Once", "text": " upon\na time"},
        {"event": "checkpoint", "step": 3},
        {"event": "note", "sentence": "the loss scale was halved", "scale": 32768.0},
        {"event": "done", "step": 3},
    ]


@given(cut=st.integers(0, 200))
def test_what_a_kill_tore_is_cut_off(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    log = JsonLines.appended(path)
    for step in range(3):
        log(Stepped(step, {"loss": 1.0}))
    log.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:cut])
    log = JsonLines.appended(path)
    log(Saved(9))
    log.close()
    found = _lines(path)
    assert found[-1]["step"] == 9
    assert [line["step"] for line in found[:-1]] == list(range(whole[:cut].count(b"\n")))
