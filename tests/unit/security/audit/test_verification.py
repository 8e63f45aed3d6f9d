"""Whatever is done to a chain afterwards is found."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from colonnade.security.audit import AuditLog, Head, read, verify
from colonnade.security.identity import Principal

ALICE = Principal("acme", "alice", frozenset(), "k1")
COUNT = 6


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Head]:
    path = tmp_path_factory.mktemp("audit") / "gateway.jsonl"
    with AuditLog(path, "gateway", clock=iter(range(100)).__next__) as log:
        for number in range(COUNT):
            log.note("key.create", ALICE, "done", number=number, note='"\\ü\n')
        head = log.head
    return path.read_bytes(), head


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("changed") / "gateway.jsonl"


def checked(file: Path, content: bytes, expected: Head | None = None) -> bool:
    file.write_bytes(content)
    return verify(file, expected=expected).ok


def lines(content: bytes) -> list[bytes]:
    return content.splitlines(keepends=True)


def is_shortened(content: bytes, original: bytes) -> bool:
    """What no chain can show by itself: whole records cut off its end."""
    return original.startswith(content) and content[-1:] in (b"", b"\n")


def test_an_untouched_chain_is_in_order(file: Path, chain: tuple[bytes, Head]) -> None:
    content, head = chain
    file.write_bytes(content)
    result = verify(file, expected=head)
    assert result.ok
    assert (result.records, result.head) == (COUNT, head)


def test_an_earlier_head_is_in_the_chain_too(file: Path, chain: tuple[bytes, Head]) -> None:
    file.write_bytes(chain[0])
    for record in list(read(file)):
        assert verify(file, expected=record.head).ok
    assert verify(file, expected=Head.before_first("gateway")).ok


def test_every_byte_counts(file: Path, chain: tuple[bytes, Head]) -> None:
    content, _ = chain
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        assert not checked(file, bytes(changed)), place


_EDITS = st.lists(
    st.tuples(
        st.sampled_from(["flip", "delete", "insert", "cut", "copy"]),
        st.integers(0, 10_000),
        st.integers(0, 10_000),
        st.binary(min_size=1, max_size=5),
    ),
    min_size=1,
    max_size=4,
)


def edited(content: bytes, edits: list[tuple[str, int, int, bytes]]) -> bytes:
    for what, first, second, data in edits:
        start = first % (len(content) + 1)
        end = min(len(content), start + second % 400)
        if what == "flip" and start < len(content):
            content = content[:start] + bytes([content[start] ^ (data[0] or 1)]) + content[start + 1 :]
        elif what == "delete":
            content = content[:start] + content[end:]
        elif what == "insert":
            content = content[:start] + data + content[start:]
        elif what == "cut":
            content = content[:start]
        elif what == "copy":
            content = content[:end] + content[start:end] + content[end:]
    return content


@given(edits=_EDITS)
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_edit_is_found(
    file: Path, chain: tuple[bytes, Head], edits: list[tuple[str, int, int, bytes]]
) -> None:
    original, head = chain
    content = edited(original, edits)
    assume(content != original)
    assert not checked(file, content, head)
    if not is_shortened(content, original):
        assert not checked(file, content)


@given(order=st.lists(st.integers(0, COUNT - 1), max_size=COUNT + 2))
@settings(max_examples=300)
def test_records_taken_out_doubled_or_moved_are_found(
    file: Path, chain: tuple[bytes, Head], order: list[int]
) -> None:
    original, head = chain
    records = lines(original)
    content = b"".join(records[number] for number in order)
    assume(content != original)
    assert not checked(file, content, head)
    assert checked(file, content) == is_shortened(content, original)


def rewritten(line: bytes, **changes: Any) -> bytes:
    """The record with other content and a hash that fits it: the work of somebody who knows the format."""
    fields = {name: value for name, value in json.loads(line).items() if name != "hash"} | changes
    text = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    return (
        json.dumps(
            fields | {"hash": hashlib.sha256(text).hexdigest()}, sort_keys=True, separators=(",", ":")
        ).encode()
        + b"\n"
    )


@pytest.mark.parametrize(
    "changes",
    [{"subject": "bob"}, {"tenant": "other"}, {"outcome": "failed"}, {"facts": {}}, {"time": "2020"},
    {"seq": 9},
     {"writer": "registry"}, {"action": "x"}, {"prev": "0" * 64}],
)  # fmt: skip
def test_a_record_rewritten_with_a_fitting_hash_breaks_the_next(
    file: Path, chain: tuple[bytes, Head], changes: dict[str, Any]
) -> None:
    records = lines(chain[0])
    for number in range(COUNT - 1):
        forged = [*records[:number], rewritten(records[number], **changes), *records[number + 1 :]]
        assert not checked(file, b"".join(forged)), number


def test_a_chain_written_anew_from_the_middle_is_found_by_its_head(
    file: Path, chain: tuple[bytes, Head]
) -> None:
    original, head = chain
    records = lines(original)
    file.write_bytes(b"".join(records[:2]))
    with AuditLog(file, "gateway") as log:
        for _ in range(COUNT):
            log.note("key.create", ALICE, "done")
    assert verify(file).ok
    result = verify(file, expected=head)
    assert [problem.line for problem in result.problems] == [0]


def test_problems_say_where(file: Path, chain: tuple[bytes, Head]) -> None:
    records = lines(chain[0])
    file.write_bytes(b"".join([*records[:2], *records[3:]]) + b'{"half')
    problems = {(problem.line, problem.what) for problem in verify(file).problems}
    assert problems == {
        (3, "has number 4 after 2"),
        (3, "does not follow from the record before"),
        (6, "is unfinished"),
    }


@pytest.mark.parametrize(
    "content",
    [
        b"\n",
        b"[]\n",
        b"{}\n",
        b"null\n",
        b"[" * 60_000 + b"\n",
        b"\xff\n",
        b"\0" * 100,
        b"x" * 300_000,
        b"{" * 300_000,
    ],
    ids=lambda value: repr(value[:10]),
)
def test_what_is_no_record_is_a_problem(file: Path, content: bytes) -> None:
    assert not checked(file, content)


def test_problems_are_bounded(file: Path) -> None:
    file.write_bytes(b"\n" * 10_000)
    assert len(verify(file).problems) == 20


def test_a_missing_file_is_a_problem_and_an_empty_one_is_not(file: Path, tmp_path: Path) -> None:
    assert not verify(tmp_path / "none").ok
    file.write_bytes(b"")
    assert verify(file).ok
    assert not verify(file, expected=Head(1, "0" * 64)).ok
