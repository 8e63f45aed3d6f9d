"""What every blob store does, whatever it keeps its blobs in."""

import asyncio
import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colonnade.errors import InvalidArgument, NotFound, TooLarge
from colonnade.storage.blobs import BlobPlace, BlobStore, open_blobs
from tests.harness.s3 import S3

LIMIT = 9 * 1024 * 1024
MISSING = f"sha256:{'0' * 64}"


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BlobStore:
    url = ""
    if request.param == "s3":
        server: S3 = request.getfixturevalue("s3")
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        url = server.url(f"{tmp_path.name}/blobs")
    place = BlobPlace(url, tmp_path / "blobs", tmp_path / "cache")
    return open_blobs(place, max_blob_bytes=LIMIT)


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.mark.parametrize("size", [0, 1, 4 * 1024 * 1024, 4 * 1024 * 1024 + 1, LIMIT])
@pytest.mark.parametrize("move", [False, True])
async def test_keeps_a_file_by_its_digest(store: BlobStore, tmp_path: Path, size: int, move: bool) -> None:
    content = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    source = tmp_path / "source"
    source.write_bytes(content)

    blob = await store.put_file(source, move=move)

    assert (blob.digest, blob.size_bytes) == (sha256(content), size)
    assert (await store.open_path(blob.digest)).read_bytes() == content
    assert await store.exists(blob.digest)
    assert await store.verify(blob.digest)
    assert source.exists() is not move


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(content=st.binary(max_size=2048))
def test_bytes_come_back_as_they_were_put(store: BlobStore, content: bytes) -> None:
    async def there_and_back() -> bytes:
        blob = await store.put_bytes(content)
        assert blob.digest == sha256(content)
        return (await store.open_path(blob.digest)).read_bytes()

    assert asyncio.run(there_and_back()) == content


async def test_equal_content_is_one_blob(store: BlobStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"equal")
    first = await store.put_bytes(b"equal")
    assert await store.put_file(source) == first
    assert await store.put_file(source, move=True) == first
    assert await store.verify(first.digest)


async def test_many_writers_of_the_same_and_of_other_content(store: BlobStore) -> None:
    contents = [str(number % 5).encode() * 100_000 for number in range(20)]
    blobs = await asyncio.gather(*(store.put_bytes(content) for content in contents))
    assert [blob.digest for blob in blobs] == [sha256(content) for content in contents]
    assert all([await store.verify(blob.digest) for blob in blobs])


async def test_what_is_open_stays_readable_when_deleted(store: BlobStore) -> None:
    blob = await store.put_bytes(b"in use")
    with (await store.open_path(blob.digest)).open("rb") as file:
        assert await store.delete(blob.digest)
        assert file.read() == b"in use"
    assert not await store.exists(blob.digest)
    assert not await store.delete(blob.digest)


async def test_a_file_past_the_limit_is_refused_and_leaves_nothing(store: BlobStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    content = b"x" * (LIMIT + 1)
    source.write_bytes(content)
    for move in (False, True):
        with pytest.raises(TooLarge, match=str(LIMIT)):
            await store.put_file(source, move=move)
    assert not await store.exists(sha256(content))
    assert source.exists()


async def test_a_digest_that_is_not_there(store: BlobStore) -> None:
    assert not await store.exists(MISSING)
    for look in (store.open_path, store.verify):
        with pytest.raises(NotFound, match=MISSING):
            await look(MISSING)
    with pytest.raises(NotFound, match=MISSING):
        await read(store, MISSING)
    assert not await store.delete(MISSING)


@pytest.mark.parametrize(
    "digest",
    ["", "sha256:", "0" * 64, f"sha256:{'0' * 63}", f"sha256:{'A' * 64}", f"md5:{'0' * 64}",
     f"sha256:{'0' * 64}\n", "sha256:../../../../etc/passwd", f"sha256:{'0' * 63}/"],
)  # fmt: skip
async def test_a_malformed_digest_is_refused(store: BlobStore, digest: str) -> None:
    for look in (store.open_path, store.exists, store.delete, store.verify):
        with pytest.raises(InvalidArgument):
            await look(digest)
    with pytest.raises(InvalidArgument):
        await read(store, digest)


async def read(store: BlobStore, digest: str, start: int = 0, size: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in store.read(digest, start, size)])


@pytest.mark.parametrize(
    ("start", "size"), [(0, None), (3, None), (3, 4), (9, 100), (10, 5), (99, None), (2, 0)]
)
async def test_a_range_of_a_blob(store: BlobStore, start: int, size: int | None) -> None:
    blob = await store.put_bytes(b"0123456789")
    end = None if size is None else start + size
    assert await read(store, blob.digest, start, size) == b"0123456789"[start:end]


async def test_a_large_blob_is_read_in_chunks(store: BlobStore) -> None:
    content = bytes(range(256)) * (LIMIT // 256)
    blob = await store.put_bytes(content)
    chunks = [chunk async for chunk in store.read(blob.digest)]
    assert b"".join(chunks) == content
    assert max(map(len, chunks)) < LIMIT


async def test_all_digests(store: BlobStore) -> None:
    assert [digest async for digest in store.digests()] == []
    blobs = [await store.put_bytes(str(number).encode()) for number in range(5)]
    assert {digest async for digest in store.digests()} == {blob.digest for blob in blobs}
    await store.delete(blobs[0].digest)
    assert {digest async for digest in store.digests()} == {blob.digest for blob in blobs[1:]}


async def test_what_is_held_is_there_and_what_was_swept_was_nobodys(store: BlobStore) -> None:
    await store.check()
    blob = await store.put_bytes(b"in use")
    async with store.held(), store.held():
        path = await store.open_path(blob.digest)
        assert await store.sweep() == 0
        assert path.read_bytes() == b"in use"
