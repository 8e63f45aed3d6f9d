"""Writing an audit chain: durable, whole, by one process at a time."""

import asyncio
import errno
import logging
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import Conflict, InvalidArgument, TooLarge, Unavailable
from colonnade.security.audit import AuditLog, Head, read, read_opened, verify
from colonnade.security.identity import Principal, Role

ALICE = Principal("acme", "alice", frozenset({Role.ADMIN}), "k1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit" / "gateway.jsonl"


@pytest.fixture
def log(path: Path) -> Iterator[AuditLog]:
    with AuditLog(path, "gateway", clock=lambda: 1_700_000_000.25) as opened:
        yield opened


def test_a_record_says_who_did_what_and_how_it_ended(log: AuditLog, path: Path) -> None:
    log.append("key.create", ALICE, "done", key_id="k2", roles=["caller"])
    (record,) = read_opened(path)
    fields = asdict(record)
    assert fields.pop("hash")
    assert fields.pop("prev") == Head.before_first("gateway").hash
    assert fields == {
        "seq": 1,
        "time": "2023-11-14T22:13:20.250000+00:00",
        "writer": "gateway",
        "action": "key.create",
        "tenant": "acme",
        "subject": "alice",
        "outcome": "done",
        "facts": {"caller_key_id": "k1", "key_id": "k2", "roles": ["caller"]},
    }


def test_the_file_is_its_owners_alone(log: AuditLog, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_somebody_unknown_can_be_refused(log: AuditLog, path: Path) -> None:
    record = log.append("request.refused", None, "refused:unauthenticated")
    assert (record.tenant, record.subject, record.facts) == ("", "", {})


def test_records_follow_each_other(log: AuditLog, path: Path) -> None:
    first, second = (log.append("a", ALICE, "done") for _ in range(2))
    assert (first.seq, second.seq, second.prev) == (1, 2, first.hash)
    assert log.head == second.head
    assert list(read(path)) == [first, second]


def test_a_chain_goes_on_where_it_ended(path: Path) -> None:
    with AuditLog(path, "gateway") as log:
        first = log.append("a", ALICE, "done")
    with AuditLog(path, "gateway") as log:
        assert log.append("b", ALICE, "done").prev == first.hash
    assert verify(path).records == 2
    assert verify(path).ok


def test_a_second_writer_is_turned_away(log: AuditLog, path: Path) -> None:
    with pytest.raises(Conflict, match="another process"):
        AuditLog(path, "gateway")
    log.close()
    AuditLog(path, "gateway").close()


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        AuditLog(tmp_path / "log", "gateway")
    assert not (tmp_path / "elsewhere").exists()


_FACTS = st.dictionaries(
    st.text(max_size=5).filter(lambda name: name not in {"self", "action", "principal", "outcome"}),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


@given(st.lists(_FACTS, max_size=5))
def test_any_plain_facts_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, facts: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("audit") / "x.jsonl"
    with AuditLog(path, "x") as log:
        for some in facts:
            log.note("a", None, "done", **some)
    assert verify(path).ok
    assert [record.facts for record in read(path)] == facts


@pytest.mark.parametrize(
    "facts",
    [{"a": object()}, {"a": (1, 2)}, {"a": {1: 2}}, {"a": float("nan")}, {"a": b"x"}, {"a": {1}},
    {"a": Path("/x")},
     {"a": [[[[[[[[[[1]]]]]]]]]]}],
)  # fmt: skip
def test_facts_that_would_not_come_back_are_refused(log: AuditLog, path: Path, facts: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        log.append("a", ALICE, "done", **facts)
    assert path.read_bytes() == b""
    assert log.append("a", ALICE, "done").seq == 1


@pytest.mark.parametrize("word", ["", "A", "a b", "a\n", "x" * 65, "ä"])
def test_actions_and_outcomes_are_words(log: AuditLog, word: str) -> None:
    with pytest.raises(InvalidArgument, match="action"):
        log.append(word, ALICE, "done")
    with pytest.raises(InvalidArgument, match="outcome"):
        log.append("a", ALICE, word)


def test_a_record_that_is_too_long_is_refused(log: AuditLog, path: Path) -> None:
    with pytest.raises(TooLarge, match="65536"):
        log.append("a", ALICE, "done", text="x" * 70_000)
    assert path.read_bytes() == b""


def test_a_line_cut_short_anywhere_is_removed_and_recorded(path: Path) -> None:
    with AuditLog(path, "gateway") as log:
        log.append("a", ALICE, "done")
        whole = path.stat().st_size
        log.append("b", ALICE, "done")
    content = path.read_bytes()
    for cut in range(whole + 1, len(content)):
        path.write_bytes(content[:cut])
        AuditLog(path, "gateway").close()
        first, recovered = read(path)
        assert (first.action, recovered.action, recovered.facts["bytes"]) == (
            "a",
            "audit.recovered",
            cut - whole,
        )
        assert verify(path).ok


def test_a_first_line_cut_short_leaves_a_chain_that_says_so(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b'{"action":')
    with AuditLog(path, "gateway") as log:
        assert log.head.seq == 1
    assert verify(path).ok


@pytest.mark.parametrize("tail", [b"\n", b"{}\n", b"\0" * 300 + b"\n", b"\xff\n", b"x" * 200_000])
def test_a_tail_that_no_crash_explains_is_left_as_evidence(path: Path, tail: bytes) -> None:
    with AuditLog(path, "gateway") as log:
        log.append("a", ALICE, "done")
    with path.open("ab") as file:
        file.write(tail)
    before = path.read_bytes()
    with pytest.raises(Unavailable, match="damaged"):
        AuditLog(path, "gateway")
    assert path.read_bytes() == before


def test_the_chain_of_another_writer_is_not_continued(path: Path) -> None:
    with AuditLog(path, "gateway") as log:
        log.append("a", ALICE, "done")
    with pytest.raises(Unavailable):
        AuditLog(path, "registry")


_WRITER = """
import sys
from pathlib import Path
from colonnade.security.audit import AuditLog
log = AuditLog(Path(sys.argv[1]), "gateway")
while True:
    print(log.append("a", None, "done", text="x" * 3000).seq, flush=True)
"""


@pytest.mark.parametrize("acknowledged", [1, 17, 60])
def test_what_was_acknowledged_survives_kill_9(path: Path, acknowledged: int) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, env=os.environ
    )
    assert writer.stdout is not None
    seen = [int(writer.stdout.readline()) for _ in range(acknowledged)]
    writer.kill()
    seen += [int(line) for line in writer.stdout.read().splitlines() if line]
    writer.wait(60)
    writer.stdout.close()
    with AuditLog(path, "gateway") as log:
        assert log.head.seq >= max(seen)
        log.append("b", ALICE, "done")
    assert verify(path).ok


def failing(call: Callable[..., Any], times: int, number: int) -> Callable[..., Any]:
    """``call``, which fails ``times`` times first."""
    left = [times]

    def fail(*arguments: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise OSError(number, os.strerror(number))
        return call(*arguments)

    return fail


def counted(calls: list[int]) -> Callable[[int], None]:
    """``os.fsync``, which notes its calls."""
    fsync = os.fsync

    def sync(file: int) -> None:
        calls.append(file)
        fsync(file)

    return sync


def test_a_full_disk_leaves_no_half_record(
    log: AuditLog, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append("a", ALICE, "done")
    before, write = path.read_bytes(), os.write
    pieces = [10]

    def short(file: int, data: bytes) -> int:
        if pieces:
            return write(file, data[: pieces.pop()])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", short)
    with pytest.raises(Unavailable, match="No space left"):
        log.append("b", ALICE, "done")
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert log.append("c", ALICE, "done").seq == 2
    assert verify(path).ok


def test_a_short_write_is_finished(log: AuditLog, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:50]))
    log.append("a", ALICE, "done")
    assert verify(path).ok


async def test_after_a_failed_fsync_nothing_more_is_taken(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", failing(os.fsync, 1, errno.EIO))
    with pytest.raises(Unavailable, match="cannot be written"):
        await log.record("a", ALICE, "done")
    with pytest.raises(Unavailable):
        log.append("b", ALICE, "done")
    with pytest.raises(Unavailable):
        await log.record("b", ALICE, "done")


async def test_records_under_way_share_an_fsync(
    log: AuditLog, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(os, "fsync", counted(calls))
    await asyncio.gather(*(log.record("a", ALICE, "done", n=n) for n in range(50)))
    assert 1 <= len(calls) <= 3
    assert verify(path).records == 50


async def test_a_record_is_acknowledged_only_after_the_fsync(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_sync, fsync = threading.Event(), os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (may_sync.wait(30), fsync(file)))
    waiting = asyncio.create_task(log.record("a", ALICE, "done"))
    done, _ = await asyncio.wait({waiting}, timeout=0.05)
    assert not done
    may_sync.set()
    await waiting


def test_a_note_does_not_wait_for_the_disk_but_closing_does(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, calls = AuditLog(path, "gateway"), list[int]()
    monkeypatch.setattr(os, "fsync", counted(calls))
    log.note("a", ALICE, "done")
    assert calls == []
    log.close()
    log.close()
    assert len(calls) == 2  # the new key's, then the record's
    assert verify(path).records == 1


def test_a_note_that_is_lost_is_said_in_the_log(log: AuditLog, caplog: pytest.LogCaptureFixture) -> None:
    log.close()
    with caplog.at_level(logging.ERROR):
        log.note("a", ALICE, "done")
    assert "audit record lost: a done" in caplog.text
    with pytest.raises(Unavailable, match="closed"):
        log.append("a", ALICE, "done")


def test_many_threads_make_one_chain(log: AuditLog, path: Path) -> None:
    def work() -> None:
        for _ in range(25):
            log.append("a", ALICE, "done")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert verify(path).records == 100
    assert verify(path).ok
