"""Files that a draft need not be sent come from every blob store, and do not harm it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from colonnade.errors import NotFound
from colonnade.registry.adapters.spool import FolderSpool
from colonnade.registry.drafts.draft import DraftFile
from colonnade.storage.blobs import BlobPlace, BlobStore, open_blobs
from tests.harness.s3 import S3
from tests.harness.s3 import s3 as running
from tests.unit.registry.drafts.files import announced, pieces

CONTENT = b'{"held": true}'


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with running() as server:
        yield server


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.slow)])
def blobs(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BlobStore:
    url = ""
    if request.param == "s3":
        server: S3 = request.getfixturevalue("s3")
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        url = server.url(f"{tmp_path.name}/blobs")
    return open_blobs(BlobPlace(url, tmp_path / "blobs", tmp_path / "cache"))


async def test_held_and_uploaded_files_lie_side_by_side(blobs: BlobStore, tmp_path: Path) -> None:
    blob = await blobs.put_bytes(CONTENT)
    held = DraftFile("config.json", blob.size_bytes, blob.digest, held=True)
    sent = announced("a/merges.txt", b"a b\n")
    spool = FolderSpool(tmp_path / "drafts", blobs)
    await spool.append("room", sent, 0, pieces(b"a b\n"))
    async with blobs.held():
        await spool.lay("room", [held, sent], tmp_path / "laid")
    assert (tmp_path / "laid" / "config.json").read_bytes() == CONTENT
    assert (tmp_path / "laid" / "a" / "merges.txt").read_bytes() == b"a b\n"
    await spool.discard("room")
    assert await blobs.verify(blob.digest)


async def test_one_that_is_gone_is_not_laid(blobs: BlobStore, tmp_path: Path) -> None:
    gone = DraftFile("config.json", 1, f"sha256:{'0' * 64}", held=True)
    with pytest.raises(NotFound):
        await FolderSpool(tmp_path / "drafts", blobs).lay("room", [gone], tmp_path / "laid")
