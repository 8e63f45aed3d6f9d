"""A backup brings a registry back whole, from any kind of database and blob store to any other."""

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import text

from colonnade.errors import (
    ColonnadeError,
    Conflict,
    InvalidArgument,
    NotFound,
    TooLarge,
    Unavailable,
    Unsupported,
)
from colonnade.registry.adapters import loading
from colonnade.registry.adapters.loading import SqlLoad, check_whole
from colonnade.registry.adapters.places import apart_from, below
from colonnade.registry.backups.keeping import complete, listed
from colonnade.registry.backups.listing import LIST, BackupList, Damaged
from colonnade.registry.backups.restoring import verified
from colonnade.storage.blobs import BlobPlace, open_blobs
from colonnade.storage.migrations import folder_of
from tests.contract.backups.places import Backing, Stores
from tests.contract.conftest import KINDS, Opener
from tests.harness.s3 import S3
from tests.harness.s3 import s3 as running

Made = Callable[..., Stores]
PLACES = ["folder", pytest.param("s3", marks=pytest.mark.slow)]


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    with running() as server:
        yield server


@pytest.fixture
def url(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    def made(kind: str, name: str) -> str:
        if kind == "folder":
            return str(tmp_path / name)
        server: S3 = request.getfixturevalue("s3")
        for variable, value in server.environment.items():
            monkeypatch.setenv(variable, value)
        return server.url(f"{tmp_path.name}/{name}")

    return made


@pytest.fixture
def made(opened: Opener, url: Callable[..., str], tmp_path: Path) -> Made:
    """Stores of a kind, their blobs in a folder or in S3, with tables or without any."""

    def make(kind: str, where: str = "folder", *, name: str = "blobs", tables: bool = True) -> Stores:
        address, cache = url(where, name), tmp_path / f"{name}-cache"
        place = BlobPlace("", Path(address), cache) if where == "folder" else BlobPlace(address, cache, cache)
        return Stores(opened(kind, "colonnade.registry" if tables else ""), open_blobs(place))

    return make


@pytest.fixture
def backing(tmp_path: Path) -> Backing:
    return Backing(str(tmp_path / "place"), tmp_path / "place-cache")


@pytest.mark.parametrize("before", KINDS)
@pytest.mark.parametrize("after", KINDS)
@pytest.mark.parametrize("where", PLACES)
async def test_all_comes_back_elsewhere(
    made: Made, url: Callable[..., str], tmp_path: Path, before: str, after: str, where: str
) -> None:
    old = made(before, where, name="old")
    await old.fill()
    backing = Backing(url(where, "place"), tmp_path / "place-cache")
    done = await backing.up(old)
    new = made(after, where, name="new", tables=False)

    restored = await backing.restore(new)

    expected = await old.rows()
    assert expected["events"].pop()[2] == "backup.made"  # told once it was made
    assert await new.rows() == expected
    assert await new.kept() == await old.kept()
    assert (done.copied, restored.total) == (3, 3)
    for digest in await new.kept():
        assert await new.blobs.verify(digest)
    await new.register("after", 9)  # and goes on


async def test_a_second_backup_brings_what_is_new(made: Made, backing: Backing) -> None:
    stores = made("sqlite")
    await stores.fill()
    await backing.up(stores)
    await stores.register("qwen", 3)
    second = await backing.up(stores)
    assert (second.copied, second.kept) == (1, 3)
    new = made("sqlite", name="new", tables=False)
    await backing.restore(new)
    assert len((await new.rows())["versions"]) == 5


async def test_keeps_the_newest_and_what_they_name(made: Made, backing: Backing) -> None:
    stores = made("sqlite")
    await stores.fill()
    names = [(await backing.up(stores)).name for _ in range(3)]
    last = await backing.up(stores, keep=2)
    assert last.dropped == 2
    assert list(await complete(backing.destination.place)) == [names[2], last.name]
    assert len([each async for each in backing.destination.blobs.digests()]) == 3
    await backing.restore(made("sqlite", name="new", tables=False), names[2])


@pytest.mark.parametrize("kind", KINDS)
async def test_writers_go_on_meanwhile(made: Made, backing: Backing, kind: str) -> None:
    stores, acknowledged, begun = made(kind), list[int](), asyncio.Event()
    await stores.fill()

    async def write() -> None:
        for seed in range(100, 160):
            await stores.register("busy", seed)
            acknowledged.append(seed)
            begun.set()

    writing = asyncio.create_task(write())
    await begun.wait()
    before = len(acknowledged)
    await backing.up(stores)
    after = len(acknowledged)
    await writing
    new = made("sqlite", name="new", tables=False)
    await backing.restore(new)
    there = [row for row in (await new.rows())["versions"] if row[0] == "busy"]
    assert before <= len(there) <= after + 1
    numbers = [row[0] for row in (await new.rows())["events"]]
    assert numbers == list(range(1, len(numbers) + 1))


async def parts(backing: Backing) -> list[str]:
    listing = await listed(backing.destination.place)
    files = [listing.path(table.file) for table in listing.tables]
    return [listing.path(LIST), *files, *(f"sha256/{each[7:9]}/{each[7:]}" for each in listing.blobs)]


@pytest.mark.parametrize("how", ["cut", "flipped", "missing"])
async def test_every_damaged_part_is_named(made: Made, backing: Backing, how: str) -> None:
    stores = made("sqlite")
    await stores.fill()
    await backing.up(stores)
    for part in await parts(backing):
        path = Path(backing.url) / part
        whole = path.read_bytes()
        path.unlink()
        if how != "missing":
            path.write_bytes(whole[:-1] if how == "cut" else whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(NotFound if how == "missing" and part.endswith(LIST) else Damaged) as refusal:
            await _verify(backing)
        if how != "missing" or not part.endswith(LIST):
            assert refusal.value.details["part"].removeprefix("sha256:") == Path(part).name
        new = made("sqlite", name=f"new-{Path(part).name}", tables=False)
        with pytest.raises((Damaged, NotFound)):
            await backing.restore(new)
        path.unlink(missing_ok=True)
        path.write_bytes(whole)
    await _verify(backing)


async def _verify(backing: Backing) -> None:
    there = backing.destination
    async for _ in verified(there, await listed(there.place)):
        pass


async def test_a_restore_that_breaks_off_shows_and_is_run_again(made: Made, backing: Backing) -> None:
    stores = made("sqlite")
    await stores.fill()
    await backing.up(stores)
    listing = await listed(backing.destination.place)
    damaged = Path(backing.url) / f"sha256/{listing.blobs[-1][7:9]}/{listing.blobs[-1][7:]}"
    whole = damaged.read_bytes()
    damaged.chmod(0o600)
    damaged.write_bytes(b"other")
    new = made("sqlite", name="new", tables=False)
    with suppress(Damaged):
        await backing.restore(new)
    with pytest.raises(Unavailable, match="broken off"):
        await check_whole(new.database)
    damaged.write_bytes(whole)
    await backing.restore(new)
    await check_whole(new.database)
    assert len((await new.rows())["versions"]) == 4


async def test_only_into_an_empty_registry(made: Made, backing: Backing) -> None:
    stores = made("sqlite")
    await stores.fill()
    await backing.up(stores)
    for has_records in (True, False):
        other = made("sqlite", name=f"other-{has_records}")
        await other.blobs.put_bytes(b"of somebody else")
        if has_records:
            other.blobs = made("sqlite", name="empty").blobs
            await Stores(other.database, made("sqlite", name="third").blobs).register("mine", 1)
        before = await other.rows()
        with pytest.raises(Conflict):
            await backing.restore(other)
        assert await other.rows() == before


async def test_a_newer_schema_or_format_is_refused(made: Made, backing: Backing) -> None:
    stores = made("sqlite")
    await stores.fill()
    name = (await backing.up(stores)).name
    new = made("sqlite", name="new", tables=False)
    with pytest.raises(Unsupported):
        await SqlLoad(new.database).begin("sha256:0", "9999")
    content = json.loads(await backing.destination.place.read(f"backups/{name}/{LIST}"))
    with pytest.raises(Unsupported):
        BackupList.parse(json.dumps({**content, "format": 2}).encode(), name)


async def test_an_older_schema_is_brought_forward(
    made: Made, backing: Backing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later release adds a column; what it restores has it."""
    stores = made("sqlite")
    await stores.fill()
    await backing.up(stores)
    listing = await listed(backing.destination.place)
    later = tmp_path / "migrations"
    shutil.copytree(folder_of("colonnade.registry"), later)
    (later / "r9999_later.py").write_text(
        f"""revision, down_revision, branch_labels, depends_on = "9999", "{listing.schema}", None, None
import sqlalchemy as sa
from alembic import op
def upgrade():
    op.add_column("models", sa.Column("later", sa.Integer, nullable=False, server_default="7"))
"""
    )
    monkeypatch.setattr(loading, "folder_of", lambda _: later)
    new = made("sqlite", name="new", tables=False)
    restored = await backing.restore(new)
    assert restored.schema == "9999"
    async with new.database.reading() as connection:
        assert list(await connection.scalars(text("SELECT later FROM models"))) == [7, 7]


@pytest.mark.parametrize(
    "to",
    [
        "/etc",
        "../up",
        "a/../../b",
        "s3://other/x",
        "~",
        "a//b",
        "/srv/backups2/x",
        "a\0b",
        "a\nb",
        "a/" + "x" * 256,
        "x/" * 900,
    ],
)
def test_nowhere_but_below_the_root(to: str) -> None:
    with pytest.raises((InvalidArgument, TooLarge)):
        below("/srv/backups", to)


@pytest.mark.parametrize(
    ("to", "where"), [("", ""), ("/srv/backups", ""), ("nightly", "/nightly"), ("/srv/backups/a/b", "/a/b")]
)
def test_below_the_root(to: str, where: str) -> None:
    assert below("/srv/backups", to) == f"/srv/backups{where}"


def test_never_where_the_models_own_files_are(tmp_path: Path) -> None:
    """A backup there that makes room would remove what no backup names."""
    (tmp_path / "link").symlink_to(tmp_path / "blobs")
    in_a_folder = BlobPlace("", tmp_path / "blobs", tmp_path / "cache")
    in_s3 = BlobPlace("s3://bucket/models/", tmp_path / "blobs", tmp_path / "cache")
    for place, live in (
        (f"{tmp_path}/blobs", in_a_folder), (f"{tmp_path}/link", in_a_folder), ("s3://bucket/models", in_s3),
    ):  # fmt: skip
        with pytest.raises(InvalidArgument, match="own files"):
            apart_from(place, live)
    for place, live in ((f"{tmp_path}/backups", in_a_folder), ("s3://bucket/backups", in_s3)):
        assert apart_from(place, live) == place


async def test_a_version_whose_file_is_gone_is_named(made: Made, backing: Backing) -> None:
    stores = made("sqlite")
    await stores.fill()
    gone = sorted(await stores.kept())[0]
    await stores.blobs.delete(gone)
    with pytest.raises(ColonnadeError, match=gone):
        await backing.up(stores)
    assert list(await complete(backing.destination.place)) == []
