"""How the local blob store keeps files: what is on the disk, and what happens to it."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from colonnade.errors import InvalidArgument, NotFound, Unavailable
from colonnade.storage.blobs import BlobPlace, LocalBlobStore, open_blobs

HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def store(root: Path) -> LocalBlobStore:
    return LocalBlobStore(root)


async def test_layout_and_permissions(store: LocalBlobStore, root: Path) -> None:
    blob = await store.put_bytes(b"hello")
    path = root / "sha256" / HELLO[:2] / HELLO
    assert await store.open_path(blob.digest) == path
    assert path.stat().st_mode & 0o777 == 0o400
    assert root.stat().st_mode & 0o777 == 0o700
    assert list((root / "tmp").iterdir()) == []


async def test_damage_is_noticed_and_healed_by_the_same_content(store: LocalBlobStore) -> None:
    blob = await store.put_bytes(b"hello")
    path = await store.open_path(blob.digest)
    path.chmod(0o600)
    path.write_bytes(b"hellp")
    assert not await store.verify(blob.digest)
    await store.put_bytes(b"hello")
    assert await store.verify(blob.digest)


async def test_a_link_in_the_place_of_a_blob_is_not_followed(
    store: LocalBlobStore, root: Path, tmp_path: Path
) -> None:
    blob = await store.put_bytes(b"hello")
    path = await store.open_path(blob.digest)
    (tmp_path / "other").write_bytes(b"hello")
    path.unlink()
    path.symlink_to(tmp_path / "other")
    assert not await store.exists(blob.digest)
    with pytest.raises(NotFound):
        await store.open_path(blob.digest)


async def test_moving_a_link_keeps_the_content_and_spares_its_target(
    store: LocalBlobStore, tmp_path: Path
) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"hello")
    link.symlink_to(target)
    blob = await store.put_file(link, move=True)
    assert target.read_bytes() == b"hello"
    assert not link.exists()
    assert await store.verify(blob.digest)


async def test_moving_a_file_with_a_second_name_copies_it(store: LocalBlobStore, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"hello")
    os.link(first, second)
    blob = await store.put_file(first, move=True)
    second.write_bytes(b"other")  # whoever holds the second name cannot change the blob
    assert await store.verify(blob.digest)


async def test_moving_across_file_systems_copies(
    store: LocalBlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"hello")
    rename = Path.rename

    def only_within_the_store(self: Path, target: Path) -> Path:
        if self == source:
            raise OSError(errno.EXDEV, "cross-device link")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", only_within_the_store)
    blob = await store.put_file(source, move=True)
    assert await store.verify(blob.digest)
    assert not source.exists()


async def test_a_source_that_is_not_a_file(store: LocalBlobStore, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for source in (tmp_path, tmp_path / "fifo", tmp_path / "missing"):
        with pytest.raises(NotFound, match="not a file"):
            await store.put_file(source)


async def test_a_full_disk_is_a_refusal_and_leaves_nothing(
    store: LocalBlobStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(Unavailable, match="disk is full"):
            await store.put_bytes(b"hello")
    assert [path for path in root.rglob("*") if path.is_file()] == []
    await store.put_bytes(b"hello")


async def test_every_name_is_on_the_disk_before_put_returns(
    store: LocalBlobStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file before its rename; its folder, and each new folder's parent, after."""
    synced: list[str] = []
    fsync = os.fsync

    def remember(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", remember)
    await store.put_bytes(b"hello")
    folder = root / "sha256" / HELLO[:2]
    file = next(
        index for index, path in enumerate(synced) if path.startswith(str(root / "tmp")) and index > 1
    )
    assert str(folder) in synced[file:]
    assert {str(root.parent), str(root), str(root / "sha256")} <= set(synced)


async def test_sweeping_spares_the_living(store: LocalBlobStore, root: Path) -> None:
    assert await store.sweep() == 0
    await store.put_bytes(b"hello")
    dead, alive = root / "tmp" / "dead", root / "tmp" / "alive"
    dead.write_bytes(b"half")
    with alive.open("wb") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        assert await store.sweep() == 1
    assert not dead.exists()
    assert alive.exists()
    assert await store.exists(f"sha256:{HELLO}")


@pytest.mark.parametrize(
    "url",
    ["bucket", "s3://", "s3:///prefix", "gs://bucket", "s3://key:hunter2@bucket", "s3://bucket?region=x"],
)
def test_a_url_that_names_no_bucket(url: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"s3://bucket/prefix") as refusal:
        BlobPlace(url, tmp_path, tmp_path)
    assert refusal.value.details["field"] == "COLONNADE_BLOBS_URL"
    assert "hunter2" not in refusal.value.message


def test_without_a_url_blobs_lie_in_the_folder(tmp_path: Path) -> None:
    assert isinstance(open_blobs(BlobPlace("", tmp_path, tmp_path / "cache")), LocalBlobStore)
