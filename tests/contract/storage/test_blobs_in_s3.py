"""What is particular to blobs that are elsewhere: copies here, files in parts, a store that refuses."""

import asyncio
import hashlib
import mmap
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import S3Store
from structlog.testing import capture_logs

from colonnade.errors import Conflict, NotFound, TooLarge, Unavailable
from colonnade.registry.__main__ import main as registry
from colonnade.storage.blobs import BlobPlace, BlobStore, digest_of, open_blobs
from tests.harness.platform import free_port
from tests.harness.s3 import S3

pytestmark = pytest.mark.slow
Opener = Callable[..., BlobStore]


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[Any]]:
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def opened(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opener:
    """Opens the test's own part of the bucket, with a cache of so many bytes."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)

    def store(cache_bytes: int = 10**9, cache: str = "cache") -> BlobStore:
        return open_blobs(BlobPlace(s3.url(tmp_path.name), tmp_path, tmp_path / cache, cache_bytes))

    return store


def copies(folder: Path) -> set[str]:
    return {f"sha256:{path.name}" for path in folder.glob("sha256/*/*")}


async def test_a_large_file_goes_in_parts_and_comes_in_pieces(opened: Opener, tmp_path: Path) -> None:
    source, content = tmp_path / "source", hashlib.shake_256(b"weights").digest(70_000_001)
    source.write_bytes(content)
    blob = await opened().put_file(source, move=True)
    assert not source.exists()
    assert blob.digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    path = await opened().open_path(blob.digest)
    assert path.read_bytes() == content
    assert path.stat().st_mode & 0o777 == 0o400


async def test_a_file_that_changes_while_it_is_put_is_not_kept(
    opened: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"a" * 20_000_000)

    def then_changed(file: Any) -> str:
        digest = digest_of(file)
        with source.open("r+b") as other:
            other.write(b"b")
        return digest

    monkeypatch.setattr("colonnade.storage.blobs.s3.digest_of", then_changed)
    store = opened()
    with pytest.raises(Conflict, match="changed while"):
        await store.put_file(source)
    assert [digest async for digest in store.digests()] == []


async def test_what_is_there_is_not_sent_again(s3: S3, opened: Opener, tmp_path: Path) -> None:
    store = opened()
    blob = await store.put_bytes(b"once")
    written = obstore.head(_raw(s3, tmp_path), _key(blob.digest))["last_modified"]
    await store.put_bytes(b"once")
    assert obstore.head(_raw(s3, tmp_path), _key(blob.digest))["last_modified"] == written


async def test_a_copy_is_used_again_also_while_the_store_is_away(
    opened: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = await opened().put_bytes(b"kept here")
    path = await opened().open_path(blob.digest)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    assert await opened().open_path(blob.digest) == path
    assert await opened().verify(blob.digest)
    with pytest.raises(Unavailable, match="cannot be reached"):
        await opened().exists(blob.digest)


async def test_a_damaged_copy_is_fetched_again(opened: Opener) -> None:
    store = opened()
    blob = await store.put_bytes(b"hello")
    path = await store.open_path(blob.digest)
    path.chmod(0o600)
    path.write_bytes(b"hellp")
    assert await store.verify(blob.digest)
    assert path.read_bytes() == b"hello"


async def test_what_is_not_what_its_name_says_never_gets_here(s3: S3, opened: Opener, tmp_path: Path) -> None:
    digest = f"sha256:{hashlib.sha256(b'wanted').hexdigest()}"
    obstore.put(_raw(s3, tmp_path), _key(digest), b"something else")
    with pytest.raises(Conflict, match="something else"):
        await opened().open_path(digest)
    assert not await opened().verify(digest)
    assert copies(tmp_path / "cache") == set()
    assert list((tmp_path / "cache" / "tmp").iterdir()) == []


async def test_what_a_dead_process_left_half_fetched_is_removed(opened: Opener, tmp_path: Path) -> None:
    blob = await opened().put_bytes(b"hello")
    (tmp_path / "cache" / "tmp").mkdir(parents=True)
    (tmp_path / "cache" / "tmp" / "half").write_bytes(b"hel")
    await opened().open_path(blob.digest)
    assert list((tmp_path / "cache" / "tmp").iterdir()) == []


async def test_what_was_asked_for_longest_ago_makes_room(opened: Opener, tmp_path: Path) -> None:
    store = opened(cache_bytes=3500)
    blobs = [await store.put_bytes(bytes([number]) * 1000) for number in range(4)]
    for number in (0, 1, 2, 0):
        await store.open_path(blobs[number].digest)
    await store.open_path(blobs[3].digest)
    assert copies(tmp_path / "cache") == {blobs[number].digest for number in (0, 2, 3)}


async def test_what_is_in_use_is_never_removed(opened: Opener, tmp_path: Path) -> None:
    store = opened(cache_bytes=3500)
    blobs = [await store.put_bytes(bytes([number]) * 1000) for number in range(5)]
    with (await store.open_path(blobs[0].digest)).open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    with (await store.open_path(blobs[1].digest)).open("rb"):
        async with store.held():
            await store.open_path(blobs[2].digest)
            with pytest.raises(TooLarge, match="COLONNADE_BLOBS_CACHE_BYTES"):
                await opened(cache_bytes=3500).open_path(blobs[3].digest)
        await store.open_path(blobs[3].digest)
        assert copies(tmp_path / "cache") == {blobs[number].digest for number in (0, 1, 3)}
    mapped.close()
    await store.open_path(blobs[4].digest)
    assert blobs[0].digest not in copies(tmp_path / "cache")


async def test_what_another_process_has_open_is_in_use(opened: Opener) -> None:
    store = opened(cache_bytes=1500)
    first, second = [await store.put_bytes(bytes([number]) * 1000) for number in range(2)]
    path = await store.open_path(first.digest)
    held = "import sys; file = open(sys.argv[1], 'rb'); print('open', flush=True); sys.stdin.read()"
    command, pipe = (sys.executable, "-c", held, str(path)), asyncio.subprocess.PIPE
    other = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    assert other.stdout is not None
    assert await other.stdout.readline() == b"open\n"
    with pytest.raises(TooLarge):
        await store.open_path(second.digest)
    await other.communicate(b"")
    await store.open_path(second.digest)
    assert not path.exists()


async def test_many_who_want_the_same_fetch_it_once(opened: Opener, logs: list[Any]) -> None:
    blob = await opened().put_bytes(b"x" * 1_000_000)
    stores = [opened() for _ in range(8)]
    paths = await asyncio.gather(*(store.open_path(blob.digest) for store in stores))
    inodes = {path.stat().st_ino for path in paths}
    assert len(inodes) == 1


async def test_wrong_credentials(opened: Opener, monkeypatch: pytest.MonkeyPatch, logs: list[Any]) -> None:
    blob = await opened().put_bytes(b"hello")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    store = opened(cache="elsewhere")

    async def look(act: Any) -> None:
        with pytest.raises(Unavailable, match="does not let us in with the credentials of AWS_ACCESS_KEY_ID"):
            await act

    await look(store.check())
    await look(store.exists(blob.digest))
    await look(store.open_path(blob.digest))
    await look(store.put_bytes(b"other"))
    await look(anext(store.digests()))
    assert "hunter2" not in str(logs)


async def test_a_bucket_that_is_not_there(s3: S3, opened: Opener, tmp_path: Path) -> None:
    store = open_blobs(BlobPlace("s3://nobodys", tmp_path, tmp_path / "cache"))
    with pytest.raises(Unavailable, match="has no such bucket; see COLONNADE_BLOBS_URL"):
        await store.check()
    with pytest.raises(NotFound):
        await store.open_path(f"sha256:{'0' * 64}")


def test_a_registry_that_cannot_use_its_store_says_why_in_one_line(
    opened: Opener, s3: S3, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLONNADE_BLOBS_URL", s3.url("x"))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    assert registry(["--check"]) == 2
    assert capsys.readouterr().err == (
        "registry: the object store does not let us in with the credentials of AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY; see COLONNADE_BLOBS_URL and AWS_ENDPOINT_URL\n"
    )


def _raw(s3: S3, tmp_path: Path) -> S3Store:
    return S3Store(s3.bucket, prefix=tmp_path.name, client_options={"allow_http": True})


def _key(digest: str) -> str:
    hexadecimal = digest.removeprefix("sha256:")
    return f"sha256/{hexadecimal[:2]}/{hexadecimal}"
