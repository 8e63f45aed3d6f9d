"""The conversation with an engine's process, with a toy at the other end."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from evidence.performance.engines.process import EngineProcess, NotRun

MODULE = "tests.unit.evidence.toy_engine"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineProcess]:
    with EngineProcess(Path(sys.executable), MODULE, {"factor": 3}, {}, tmp_path / "log") as process:
        yield process


def test_an_engine_answers_with_what_it_took(engine: EngineProcess) -> None:
    answer = engine.call("work", number=7)
    assert answer.result == 21
    assert 0 <= answer.cpu <= answer.wall * (os.cpu_count() or 1) + 0.1
    assert answer.wall > 0


def test_what_libraries_print_is_not_an_answer(engine: EngineProcess) -> None:
    assert engine.call("chatter").result == "quiet"


def test_an_engine_is_stopped_while_it_is_not_asked(engine: EngineProcess) -> None:
    pid = engine.call("pid").result
    os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
    assert Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] == "T"
    assert engine.call("work", number=1).result == 3


def test_a_failure_says_what_it_was_and_the_engine_goes_on(engine: EngineProcess) -> None:
    with pytest.raises(NotRun, match="ZeroDivisionError"):
        engine.call("fail")
    assert engine.call("work", number=2).result == 6


def test_an_engine_that_dies_is_reported_with_its_last_words(engine: EngineProcess) -> None:
    with pytest.raises(NotRun, match="status 9: no such instruction"):
        engine.call("die")


def test_an_engine_that_cannot_load_is_not_run(tmp_path: Path) -> None:
    with pytest.raises(NotRun, match="ValueError: factor"):
        EngineProcess(Path(sys.executable), MODULE, {"factor": 0}, {}, tmp_path / "log")


def test_an_environment_that_is_not_there_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(NotRun, match="make evidence-peers"):
        EngineProcess(tmp_path / "python", MODULE, {}, {}, tmp_path / "log")
