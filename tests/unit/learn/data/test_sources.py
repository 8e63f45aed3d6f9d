"""Sources: which documents come, under which numbers, and what is said of what cannot be read."""

import glob
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import ColonnadeError, Conflict, InvalidArgument, NotFound, Unsupported
from colonnade.learn.data.source_settings import (
    DatasetSource,
    JsonLinesSource,
    ParquetSource,
    Source,
    TextSource,
)
from colonnade.learn.data.sources import Document, Place, open_source
from colonnade.learn.data.sources.objects import matches
from colonnade.learn.data.sources.text import lines_of, paragraphs_of


def read(settings: Source, start: Place | None = None) -> list[Document]:
    return list(open_source(settings).read(start or Place()))


def texts(settings: Source) -> list[str]:
    return [document.text for document in read(settings)]


def written(folder: Path, **files: str | bytes) -> Path:
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def test_files_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    written(tmp_path, b_dot_txt="two", a__z_dot_txt="one", c_dot_md="not this")
    assert texts(TextSource(name="t", paths=(f"{tmp_path}/**/*.txt",))) == ["one", "two"]


def test_patterns_keep_their_order_and_a_file_comes_once(tmp_path: Path) -> None:
    written(tmp_path, a_dot_txt="a", b_dot_txt="b")
    paths = (f"{tmp_path}/b.txt", f"{tmp_path}/*.txt")
    assert texts(TextSource(name="t", paths=paths)) == ["b", "a"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    folder = tmp_path_factory.mktemp("tree")
    names = ["a.txt", ".b.txt", "x/a.txt", "x/y/a.txt", "x/y/b7.md", "x/.z/a.txt", "a[1].txt", "x/ab/c.txt"]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder, names


@given(
    pattern=st.lists(
        st.sampled_from(["**", "*", "*.txt", "?", "a*", "x", "y", "[ab]*", ".*", "b[0-9].md", ".z", "a.txt"]),
        min_size=1,
        max_size=4,
    )
)
def test_a_glob_means_the_same_in_a_store_as_in_a_folder(
    tree: tuple[Path, list[str]], pattern: list[str]
) -> None:
    folder, names = tree
    found = glob.glob("/".join(pattern), root_dir=folder, recursive=True)  # noqa: PTH207
    here = {name for name in found if (folder / name).is_file() and not name.endswith("/")}
    assert {name for name in names if matches(name.split("/"), pattern)} == here


def test_a_pattern_that_matches_nothing_is_named_without_its_path(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"source t: paths\[0\] matches no file") as caught:
        read(TextSource(name="t", paths=(f"{tmp_path}/*.txt",)))
    assert str(tmp_path) not in caught.value.message


@pytest.mark.parametrize("kind", ["plain", "gz", "zst"])
def test_lines_and_paragraphs(tmp_path: Path, kind: str) -> None:
    content = b"one\r\nstill one\n\n \ntwo\n\n\nthree"
    name = "t.txt" if kind == "plain" else f"t.txt.{kind}"
    (tmp_path / name).write_bytes(_packed(kind)(content))
    paths = (str(tmp_path / name),)
    assert texts(TextSource(name="t", paths=paths, unit="paragraph")) == ["one\nstill one", "two", "three"]
    assert texts(TextSource(name="t", paths=paths, unit="line")) == ["one", "still one", "two", "three"]


def _packed(kind: str) -> Callable[[bytes], bytes]:
    if kind == "gz":
        return gzip.compress
    return (lambda raw: raw) if kind == "plain" else lambda raw: bytes(pa.compress(raw, "zstd", asbytes=True))


@given(st.binary(max_size=60).map(lambda raw: raw.replace(b"\x00", b"\n")), st.integers(1, 20))
def test_no_line_is_longer_than_allowed_and_none_is_lost(content: bytes, most: int) -> None:
    lines = list(lines_of(io.BytesIO(content), most))
    expected = [line.removesuffix(b"\r") if ended else line for line, ended in _split(content)]
    assert len(lines) == len(expected)
    for line, whole in zip(lines, expected, strict=True):
        assert line == whole if len(whole) <= most else len(line) == most + 1


def _split(content: bytes) -> list[tuple[bytes, bool]]:
    parts = content.split(b"\n")
    return [(part, True) for part in parts[:-1]] + ([(parts[-1], True)] if parts[-1] else [])


@given(st.lists(st.sampled_from([b"", b" ", b"a", b"bc", b"def"]), max_size=12), st.integers(1, 6))
def test_a_paragraph_that_is_too_long_never_passes_for_whole(lines: list[bytes], most: int) -> None:
    content = b"\n".join(lines)
    whole = list(_paragraphs(lines))
    found = list(paragraphs_of(io.BytesIO(content), most))
    assert len(found) == len(whole)
    for part, expected in zip(found, whole, strict=True):
        assert part == expected if len(expected) <= most else len(part) > most


def _paragraphs(lines: list[bytes]) -> list[bytes]:
    found: list[list[bytes]] = [[]]
    for line in lines:
        if line.strip():
            found[-1].append(line)
        else:
            found.append([])
    return [b"\n".join(part) for part in found if part]


def test_json_lines_give_a_field(tmp_path: Path) -> None:
    rows = [{"text": "a", "body": "x"}, {"text": "b\n", "body": "y"}]
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    paths = (f"{tmp_path}/d.jsonl",)
    assert texts(JsonLinesSource(name="j", paths=paths)) == ["a", "b\n"]
    assert texts(JsonLinesSource(name="j", paths=paths, field="body")) == ["x", "y"]


@pytest.mark.parametrize("line", ["{", "[]", '{"other": "x"}', '{"text": 3}', '"text"', "[" * 100_000])
def test_a_malformed_line_is_refused_or_counted(tmp_path: Path, line: str) -> None:
    (tmp_path / "d.jsonl").write_text('{"text": "good"}\n' + line + "\n")
    paths = (f"{tmp_path}/d.jsonl",)
    with pytest.raises(InvalidArgument, match=r"d\.jsonl, line 2"):
        read(JsonLinesSource(name="j", paths=paths))
    found = read(JsonLinesSource(name="j", paths=paths, malformed="drop"))
    assert [(one.text, one.dropped) for one in found] == [("good", ""), ("", "malformed")]


def test_bad_encoding_is_refused_replaced_or_dropped(tmp_path: Path) -> None:
    (tmp_path / "d.txt").write_bytes(b"good\nb\xffd\n")
    paths = (f"{tmp_path}/d.txt",)
    with pytest.raises(InvalidArgument, match=r"d\.txt, document 1, is not UTF-8 at its byte 1"):
        read(TextSource(name="t", paths=paths, unit="line"))
    replaced = read(TextSource(name="t", paths=paths, unit="line", bad_encoding="replace"))
    assert [(one.text, one.mended) for one in replaced] == [("good", False), ("b�d", True)]
    dropped = read(TextSource(name="t", paths=paths, unit="line", bad_encoding="drop"))
    assert [(one.text, one.dropped) for one in dropped] == [("good", ""), ("", "bad_encoding")]


def test_half_a_surrogate_in_json_is_bad_encoding_too(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text('{"text": "\\ud83d."}\n')
    paths = (f"{tmp_path}/d.jsonl",)
    with pytest.raises(InvalidArgument, match="not UTF-8"):
        read(JsonLinesSource(name="j", paths=paths))
    (found,) = read(JsonLinesSource(name="j", paths=paths, bad_encoding="replace"))
    assert found.mended
    assert found.text.encode()
    assert found.text.endswith(".")


def test_a_document_that_is_too_large_is_not_held(tmp_path: Path) -> None:
    (tmp_path / "d.txt").write_text("x" * 5000 + "\nsmall\n")
    settings = TextSource(name="t", paths=(f"{tmp_path}/d.txt",), unit="line", largest_document_bytes=1024)
    assert [(one.text, one.dropped) for one in read(settings)] == [("", "too_large"), ("small", "")]


def test_parquet_gives_a_column_row_group_after_row_group(tmp_path: Path) -> None:
    table = pa.table({"text": [*(f"row {i}" for i in range(999)), None], "n": range(1000)})
    pq.write_table(table, tmp_path / "d.parquet", row_group_size=100)
    settings = ParquetSource(name="p", paths=(f"{tmp_path}/*.parquet",))
    found = read(settings)
    assert [one.text for one in found[:-1]] == [f"row {i}" for i in range(999)]
    assert found[-1].dropped == "null"
    assert read(settings, Place(0, 450)) == found[450:]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_strings_of_any_kind_are_strings(tmp_path: Path, kind: pa.DataType) -> None:
    pq.write_table(pa.table({"text": pa.array(["a", None, "é"], kind)}), tmp_path / "d.parquet")
    assert texts(ParquetSource(name="p", paths=(f"{tmp_path}/d.parquet",))) == ["a", "", "é"]


@pytest.mark.parametrize(
    ("column", "said"), [("missing", "has no column"), ("n", "holds int64, not strings")]
)
def test_a_column_that_is_not_there_or_no_text_is_refused(tmp_path: Path, column: str, said: str) -> None:
    pq.write_table(pa.table({"text": ["a"], "n": [1]}), tmp_path / "d.parquet")
    with pytest.raises(InvalidArgument, match=said):
        read(ParquetSource(name="p", paths=(f"{tmp_path}/d.parquet",), column=column))


def test_bytes_that_are_not_utf8_in_a_column_meet_the_setting(tmp_path: Path) -> None:
    offsets, data = pa.array([0, 3], pa.int32()).buffers()[1], pa.py_buffer(b"a\xffb")
    column = pa.StringArray.from_buffers(1, offsets, data)
    with (
        pa.OSFile(str(tmp_path / "data.arrow"), "wb") as sink,
        pa.ipc.new_stream(sink, pa.schema([("text", pa.string())])) as stream,
    ):
        stream.write_batch(pa.record_batch([column], names=["text"]))
    (tmp_path / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data.arrow"}]}))
    (found,) = read(DatasetSource(name="d", paths=(str(tmp_path),), bad_encoding="replace"))
    assert (found.text, found.mended) == ("a�b", True)


def test_a_saved_dataset_is_read_as_datasets_reads_it(tmp_path: Path) -> None:
    rows = [f"text {i}" for i in range(2500)]
    datasets.Dataset.from_dict({"text": rows}).save_to_disk(str(tmp_path / "set"), num_shards=3)
    settings = DatasetSource(name="d", paths=(str(tmp_path / "set"),))
    found = read(settings)
    assert [one.text for one in found] == list(datasets.load_from_disk(str(tmp_path / "set"))["text"]) == rows
    assert read(settings, Place(1, 700)) == [one for one in found if one.place >= Place(1, 700)]


def test_of_several_splits_one_has_to_be_named(tmp_path: Path) -> None:
    one = datasets.Dataset.from_dict({"text": ["a"]})
    datasets.DatasetDict({"train": one, "test": one}).save_to_disk(str(tmp_path / "set"))
    with pytest.raises(InvalidArgument, match=r"several splits \(train, test\)"):
        read(DatasetSource(name="d", paths=(str(tmp_path / "set"),)))
    assert texts(DatasetSource(name="d", paths=(str(tmp_path / "set" / "train"),))) == ["a"]


def test_a_folder_that_datasets_did_not_save_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no state\.json"):
        read(DatasetSource(name="d", paths=(str(tmp_path),)))
    with pytest.raises(Unsupported, match="from a folder here"):
        read(DatasetSource(name="d", paths=("s3://bucket/set",)))


@pytest.mark.parametrize("unit", ["line", "paragraph", "file"])
@given(start=st.tuples(st.integers(0, 3), st.integers(0, 12)))
def test_reading_goes_on_from_any_place(
    tmp_path_factory: pytest.TempPathFactory, unit: str, start: tuple[int, int]
) -> None:
    folder = tmp_path_factory.mktemp("texts")
    for number in range(3):
        (folder / f"{number}.txt").write_text("\n\n".join(f"file {number} part {i}" for i in range(10)))
    settings = TextSource.model_validate({"name": "t", "paths": [f"{folder}/*.txt"], "unit": unit})
    everything = read(settings)
    assert [one.place for one in everything] == sorted({one.place for one in everything})
    assert read(settings, Place(*start)) == [one for one in everything if one.place >= start]


def test_the_fingerprint_is_of_names_and_content_and_not_of_the_place(tmp_path: Path) -> None:
    def print_of(folder: Path) -> str:
        return open_source(TextSource(name="t", paths=(f"{folder}/*.txt",))).fingerprint()

    first = print_of(written(tmp_path / "one", a_dot_txt="same", b_dot_txt="too"))
    assert print_of(written(tmp_path / "two", a_dot_txt="same", b_dot_txt="too")) == first
    assert print_of(written(tmp_path / "three", a_dot_txt="same", b_dot_txt="two")) != first
    assert print_of(written(tmp_path / "four", a_dot_txt="same", c_dot_txt="too")) != first


def test_a_file_that_goes_away_or_changes_is_told(tmp_path: Path) -> None:
    written(tmp_path, a_dot_txt="a", b_dot_txt="b")
    source = open_source(TextSource(name="t", paths=(f"{tmp_path}/*.txt",)))
    documents = source.read()
    next(documents)
    (tmp_path / "b.txt").write_text("longer")
    with pytest.raises(Conflict, match=r"b\.txt changed"):
        next(documents)
    (tmp_path / "a.txt").unlink()
    with pytest.raises(NotFound, match=r"a\.txt is not there any more"):
        next(source.read())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("d.txt.gz", gzip.compress(b"x" * 9000 + bytes(range(256)) * 9)[:-30]),
        ("d.txt.gz", b"no gzip at all"),
        ("d.txt.zst", b"no zstandard at all"),
        ("d.parquet", b"PAR1 and nothing more"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    paths = (f"{tmp_path}/{name}",)
    settings = (
        ParquetSource(name="d", paths=paths) if "parquet" in name else TextSource(name="d", paths=paths)
    )
    with pytest.raises(ColonnadeError, match="damaged"):
        read(settings)


def test_progress_is_told_in_stored_bytes(tmp_path: Path) -> None:
    written(tmp_path, a_dot_txt="a\n" * 50, b_dot_txt="b\n" * 50)
    source = open_source(TextSource(name="t", paths=(f"{tmp_path}/*.txt",), unit="line"))
    told = [document.consumed for document in source.read()]
    assert told == sorted(told)
    assert told[-1] == source.size == 200
