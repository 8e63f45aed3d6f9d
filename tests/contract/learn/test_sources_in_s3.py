"""Sources in a real object store are what they are in a folder, read in pieces."""

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import obstore
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from obstore.store import S3Store
from pydantic import TypeAdapter

from colonnade.errors import Conflict, NotFound, Unavailable
from colonnade.learn.data.prepare import prepare
from colonnade.learn.data.settings import DataSettings, Source
from colonnade.learn.data.sources import DocumentSource, open_source
from tests.harness.platform import free_port
from tests.harness.s3 import S3
from tests.harness.s3 import s3 as running
from tests.unit.learn.data.corpora import content_of, texts

pytestmark = pytest.mark.slow
Both = Callable[..., tuple[DocumentSource, DocumentSource]]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with running() as server:
        yield server


@pytest.fixture
def bucket(s3: S3, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return S3Store(s3.bucket, client_options={"allow_http": True})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = list(texts(120))
    lines = "".join(json.dumps({"text": row}) + "\n" for row in rows)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.jsonl").write_text(lines)
    (tmp_path / "two.jsonl.gz").write_bytes(gzip.compress(lines.encode() * 40, 1))
    (tmp_path / "large.txt").write_text("\n\n".join(rows) * 200)
    pq.write_table(pa.table({"text": rows * 20}), tmp_path / "three.parquet", row_group_size=100)
    return tmp_path


@pytest.fixture
def both(folder: Path, bucket: S3Store, s3: S3) -> Both:
    """The same source in a folder and in the bucket."""
    prefix = folder.name
    for path in folder.rglob("*.*"):
        obstore.put(bucket, f"{prefix}/{path.relative_to(folder)}", path.read_bytes())

    def opened(pattern: str, **said: Any) -> tuple[DocumentSource, DocumentSource]:
        here, there = f"{folder}/{pattern}", f"{s3.url(prefix)}/{pattern}"
        kind: TypeAdapter[Source] = TypeAdapter(Source)
        one, other = (kind.validate_python({"name": "s", "paths": [path]} | said) for path in (here, there))
        return open_source(one), open_source(other)

    return opened


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("**/*.jsonl", {"kind": "jsonl"}),
        ("*.jsonl.gz", {"kind": "jsonl"}),
        ("large.txt", {"kind": "text", "unit": "paragraph"}),
        ("*.parquet", {"kind": "parquet"}),
    ],
)
def test_the_same_documents_and_fingerprint(both: Both, pattern: str, said: dict[str, Any]) -> None:
    here, there = both(pattern, **said)
    assert there.fingerprint() == here.fingerprint()
    assert there.size == here.size
    documents = list(here.read())
    assert len(documents) >= 120
    assert list(there.read()) == documents
    start = documents[len(documents) // 2].place
    assert list(there.read(start)) == [one for one in documents if one.place >= start]


def test_a_preparation_from_the_store_is_that_from_the_folder(
    both: Both, folder: Path, s3: S3, tmp_path_factory: pytest.TempPathFactory
) -> None:
    both("*", kind="text")
    out = tmp_path_factory.mktemp("sets")
    for name, place in (("here", str(folder)), ("there", s3.url(folder.name))):
        said = {
            "sources": [{"kind": "jsonl", "name": "s", "paths": [f"{place}/a/*.jsonl"]}],
            "tokenizer": {"kind": "train", "vocabulary": 400},
        }
        prepare(DataSettings.model_validate(said), out / name)
    assert content_of(out / "here") == content_of(out / "there")


def test_an_object_that_is_replaced_while_it_is_read_is_noticed(
    both: Both, folder: Path, bucket: S3Store
) -> None:
    _, there = both("large.txt", kind="text", unit="paragraph")
    documents = there.read()
    next(documents)
    obstore.put(bucket, f"{folder.name}/large.txt", b"x" * (folder / "large.txt").stat().st_size)
    with pytest.raises(Conflict, match=r"large\.txt changed"):
        list(documents)


def test_what_is_not_there_or_cannot_be_reached_is_told(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    _, there = both("nothing/*.txt", kind="text")
    with pytest.raises(NotFound, match=r"paths\[0\] matches no file"):
        there.fingerprint()
    _, there = both("large.txt", kind="text")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another one")
    with pytest.raises(Unavailable, match="does not let us in"):
        there.fingerprint()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    _, there = both("large.txt", kind="text")
    with pytest.raises(Unavailable, match="cannot be reached"):
        there.fingerprint()
