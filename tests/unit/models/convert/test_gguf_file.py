import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from gguf import GGUFReader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.models.convert.gguf_file import entry, read_gguf
from colonnade.models.convert.gguf_source import open_gguf
from tests.unit.models.running import randomised, refusal_of
from tests.unit.models.tiny_gguf import write_gguf


@dataclass(frozen=True)
class Intact:
    content: bytes = field(repr=False)
    header: int
    """Where the header ends and the tensors begin, by the library's own reader."""


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Intact:
    path = write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf", randomised())
    return Intact(path.read_bytes(), GGUFReader(path).data_offset)


@pytest.fixture
def path(tmp_path: Path, intact: Intact) -> Path:
    target = tmp_path / "tiny.gguf"
    target.write_bytes(intact.content)
    return target


def test_reads_what_the_librarys_reader_reads(path: Path) -> None:
    ours, theirs = read_gguf(path), GGUFReader(path)
    keys = {key: field.contents() for key, field in theirs.fields.items() if not key.startswith("GGUF.")}
    assert ours.metadata == keys
    assert set(ours.tensors) == {tensor.name for tensor in theirs.tensors}
    for tensor in theirs.tensors:
        mine = ours.tensors[tensor.name]
        assert mine.shape == tuple(int(n) for n in reversed(tensor.shape))
        assert mine.data.tobytes() == tensor.data.tobytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"GGUF", "ends within its header"),
        (b"PK\x03\x04" + bytes(60), "not a GGUF file"),
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "version 1 is not supported"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "version 50331648"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**63, 0), "claims 9223372036854775808 tensors"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 10**9), "claims 1000000000 keys"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**62), "bytes of text"),
        (b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"k", 9, 4, 2**61), "array elements"),
        (b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"k", 9, 9, 1), "array of unknown type 9"),
        (b"GGUF" + struct.pack("<IQQQ1sI", 3, 0, 1, 1, b"k", 77), "unknown type 77"),
        (b"GGUF" + struct.pack("<IQQQ1sI", 3, 0, 1, 1, b"\xff", 4), "not UTF-8"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2) + 2 * struct.pack("<Q1sIB", 1, b"k", 0, 1), "there twice"),
        (b"GGUF" + struct.pack("<IQQQ1sI", 3, 1, 0, 1, b"t", 99), "99 dimensions"),
        (b"GGUF" + struct.pack("<IQQQ1sIQIQ", 3, 1, 0, 1, b"t", 1, 2**62, 0, 0), "past the end"),
        (b"GGUF" + struct.pack("<IQQQ1sIQIQ", 3, 1, 0, 1, b"t", 1, 4, 0, 2**63), "past the end"),
        (b"GGUF" + struct.pack("<IQQQ1sIQIQ", 3, 1, 0, 1, b"t", 1, 0, 0, 0), "past the end"),
        (b"GGUF" + struct.pack("<IQQQ1sIQIQ", 3, 1, 0, 1, b"t", 1, 33, 8, 0), "whole number of Q8_0 blocks"),
        (b"GGUF" + struct.pack("<IQQQ1sIQIQ", 3, 1, 0, 1, b"t", 1, 4, 250, 0), "unknown type 250"),
    ],
)
def test_absurd_headers_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)
    with pytest.raises((InvalidArgument, Unsupported), match=message):
        read_gguf(path)


@pytest.mark.parametrize("alignment", [0, 1 << 30])
def test_absurd_alignment_is_refused(tmp_path: Path, alignment: int) -> None:
    pair = struct.pack("<Q17sII", 17, b"general.alignment", 4, alignment)
    path = tmp_path / "bad.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + pair)
    with pytest.raises(InvalidArgument, match="alignment"):
        read_gguf(path)


relaxed = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@relaxed
@given(data=st.data())
def test_a_cut_file_is_refused(path: Path, intact: Intact, data: st.DataObject) -> None:
    path.write_bytes(intact.content[: data.draw(st.integers(0, len(intact.content) - 1), label="keep")])
    refusal = refusal_of(lambda: open_gguf(path))
    assert refusal is not None
    assert str(path) not in refusal.message


@relaxed
@given(data=st.data())
def test_flipped_bits_are_refused_or_read(path: Path, intact: Intact, data: st.DataObject) -> None:
    damaged = bytearray(intact.content)
    for _ in range(data.draw(st.integers(1, 4), label="flips")):
        place = data.draw(st.integers(0, intact.header - 1), label="place")
        damaged[place] ^= 1 << data.draw(st.integers(0, 7), label="bit")
    path.write_bytes(bytes(damaged))
    refusal = refusal_of(lambda: [tensor.read() for tensor in open_gguf(path).tensors])
    assert refusal is None or refusal.message


@relaxed
@given(data=st.data())
def test_absurd_sizes_are_refused_or_read(path: Path, intact: Intact, data: st.DataObject) -> None:
    place = data.draw(st.integers(4, intact.header), label="place")
    size = data.draw(st.sampled_from([0, 2**16, 2**31, 2**32 - 1, 2**48, 2**63, 2**64 - 1]), label="size")
    content = intact.content
    path.write_bytes(content[:place] + struct.pack("<Q", size) + content[place + 8 :])
    refusal = refusal_of(lambda: [tensor.read() for tensor in open_gguf(path).tensors])
    assert refusal is None or refusal.message


@pytest.mark.parametrize(("kind", "value"), [(int, "3"), (int, True), (float, "x"), (str, 3), (list, "ab")])
def test_entries_have_the_type_asked_for(kind: type, value: Any) -> None:
    with pytest.raises(InvalidArgument, match="GGUF metadata: key must be there"):
        entry({"key": value}, "key", kind)
    with pytest.raises(InvalidArgument):
        entry({}, "key", kind)
    assert entry({"key": 3}, "key", float) == 3.0
