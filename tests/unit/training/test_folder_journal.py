"""A log is read while it is written: whole lines, each once, in bounded pieces."""

import json
import math
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import NotFound
from colonnade.learn.reports import Began, Evaluated, Progressed, Said, Sampled, Saved, Stepped
from colonnade.learn.reports.json_lines import JsonLines
from colonnade.training.adapters import folder_journal
from colonnade.training.adapters.folder_journal import FolderJournal
from colonnade.training.ports import Entry

JOB = "job_01"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / JOB / "run" / "log.jsonl"
    path.parent.mkdir(parents=True)
    return path


async def everything(jobs: Path, offset: int = 0) -> list[Entry]:
    journal, found = FolderJournal(jobs), list[Entry]()
    while (read := await journal.read(JOB, offset)).offset != offset:
        found += read.entries
        offset = read.offset
    return found


async def test_what_a_worker_tells_is_what_is_read(tmp_path: Path, log: Path) -> None:
    told = JsonLines.appended(log)
    told._clock = lambda: 12.5
    for event in (
        Progressed("prepare", 1, 2), Began(0), Stepped(1, {"loss": 2.5, "norm": math.nan}),
        Evaluated(1, {"loss": math.inf}), Sampled(1, "To be", "nan"), Saved(1), Said("slow", {"seconds": 3}),
    ):  # fmt: skip
        told(event)
    told.close()
    found = await everything(tmp_path)
    assert [entry.kind for entry in found] == [
        "progress", "began", "step", "evaluation", "sample", "checkpoint", "note",
    ]  # fmt: skip
    assert [entry.step for entry in found] == [-1, 0, 1, 1, 1, 1, -1]
    assert {entry.at for entry in found} == {12.5}
    assert found[0].values == {"done": 1, "total": 2}
    assert found[2].values["loss"] == 2.5
    assert math.isnan(found[2].values["norm"])
    assert found[3].values == {"loss": math.inf}
    assert (found[4].values, found[4].texts) == ({}, {"prompt": "To be", "text": "nan"})
    assert found[6].texts == {"sentence": "slow"}
    assert [json.loads(entry.line)["event"] for entry in found] == [entry.kind for entry in found]
    assert found[-1].end == log.stat().st_size


async def test_a_torn_line_waits_until_it_is_whole(tmp_path: Path, log: Path) -> None:
    journal = FolderJournal(tmp_path)
    line = json.dumps({"event": "step", "at": 1.0, "step": 7, "loss": 2.0}) + "\n"
    log.write_text(line + line[:9])
    first = await journal.read(JOB, 0)
    assert ([entry.step for entry in first.entries], first.offset) == ([7], len(line))
    assert await journal.read(JOB, first.offset) == type(first)((), first.offset)
    with log.open("a") as file:
        file.write(line[9:])
    assert [entry.step for entry in (await journal.read(JOB, first.offset)).entries] == [7]


@given(cuts=st.lists(st.integers(0, 400), max_size=8), steps=st.integers(0, 8))
async def test_however_it_is_cut_each_line_is_read_once(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], steps: int
) -> None:
    jobs = tmp_path_factory.mktemp("jobs")
    path = jobs / JOB / "run" / "log.jsonl"
    path.parent.mkdir(parents=True)
    whole = "".join(
        json.dumps({"event": "step", "step": at, "text": "ü"}) + "\n" for at in range(steps)
    ).encode()
    journal, offset, found = FolderJournal(jobs), 0, list[int]()
    for cut in (*sorted(cuts), len(whole)):
        path.write_bytes(whole[:cut])
        read = await journal.read(JOB, offset)
        offset = read.offset
        found += [entry.step for entry in read.entries]
    assert found == list(range(steps))


async def test_a_line_that_is_too_long_is_passed_over(
    tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_journal, "_PIECE_BYTES", 200)
    monkeypatch.setattr(folder_journal, "_MAX_LINE_BYTES", 100)
    lines = [{"event": "note", "sentence": "x" * length} for length in (10, 150, 1000, 20)]
    log.write_text("\n".join(map(json.dumps, lines)) + "\n")
    assert [len(entry.texts["sentence"]) for entry in await everything(tmp_path)] == [10, 20]
    log.write_text(json.dumps(lines[2]))  # still being written
    assert (await FolderJournal(tmp_path).read(JOB, 0)).offset == 0


async def test_what_no_run_writes_is_passed_over(tmp_path: Path, log: Path) -> None:
    strange = [
        b"", b"[1]", b"null", b"\xff\xfe", b'{"event": 3}', b"[" * 60_000, b'{"step": 1}',
        b'{"event": "step", "step": true, "at": "x", "loss": ' + b"9" * 400 + b"}",
        b'{"event": "step", "step": -3, "at": 1e300}',
        b'{"event": "step", "step": 1, "at": null, "more": {"a": 1}}',
    ]  # fmt: skip
    log.write_bytes(b"\n".join(strange) + b"\n")
    found = await everything(tmp_path)
    assert [(entry.step, entry.at, entry.values) for entry in found] == [(-1, 0.0, {})] * 2 + [(1, 0.0, {})]


async def test_there_is_nothing_before_the_first_line_or_in_a_place_that_is_none(tmp_path: Path) -> None:
    journal = FolderJournal(tmp_path)
    assert (await journal.read(JOB, 5)).offset == 0
    assert await journal.near_end(JOB) == 0
    with pytest.raises(NotFound):
        await journal.read("../../etc", 0)


async def test_a_log_that_became_shorter_is_read_again(tmp_path: Path, log: Path) -> None:
    log.write_text(json.dumps({"event": "began", "step": 0}) + "\n")
    assert [entry.step for entry in (await FolderJournal(tmp_path).read(JOB, 10_000)).entries] == [0]


async def test_a_long_log_takes_the_memory_of_a_piece(tmp_path: Path, log: Path) -> None:
    line = json.dumps({"event": "step", "at": 1.0, "step": 1, "loss": 2.0, "words": "x" * 200}) + "\n"
    log.write_text(line * 10_000)  # 3 MB, and ten times that as objects
    journal = FolderJournal(tmp_path)
    near = await journal.near_end(JOB)
    assert near % len(line) == 0
    assert 0 < log.stat().st_size - near <= 64 * 1024
    tracemalloc.start()
    try:
        offset = 0
        while (read := await journal.read(JOB, offset)).offset != offset:
            offset = read.offset
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert offset == log.stat().st_size
    assert peak < 6_000_000
