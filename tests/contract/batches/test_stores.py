"""What every store of files and batches does, and every store of files' contents."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from colonnade.errors import Conflict, InvalidArgument, NotFound, TooLarge
from colonnade.gateway.adapters.file_contents import FolderContents
from colonnade.gateway.adapters.sql_batches import SqlBatchStore
from colonnade.gateway.adapters.sql_files import SqlFileStore
from colonnade.gateway.domain.batches import Batch, BatchError, Counts, LeaseLost, LineResult, Status
from colonnade.gateway.domain.files import FileRecord, PageQuery, Purpose
from colonnade.gateway.ports import BatchStore, FileContents, FileStore
from tests.contract.conftest import KINDS, Opener
from tests.unit.gateway.memory_batches import MemoryBatchStore, MemoryContents, MemoryFileStore

NOW = datetime(2030, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)
LATER = NOW + timedelta(seconds=15)


@dataclass
class Stores:
    files: FileStore
    batches: BatchStore


@pytest.fixture(params=["memory", *KINDS])
async def stores(request: pytest.FixtureRequest, opened: Opener) -> Stores:
    if request.param == "memory":
        files = MemoryFileStore()
        return Stores(files, MemoryBatchStore(files))
    database = opened(request.param, "colonnade.gateway")
    return Stores(SqlFileStore(database), SqlBatchStore(database))


@pytest.fixture(params=["memory", "folder"])
def contents(request: pytest.FixtureRequest, tmp_path: Path) -> FileContents:
    return MemoryContents() if request.param == "memory" else FolderContents(tmp_path / "files")


def file(file_id: str = "file-1", tenant: str = "acme", **more: Any) -> FileRecord:
    fields: dict[str, Any] = {"purpose": Purpose.BATCH, "size_bytes": 10, "created_at": NOW} | more
    return FileRecord(file_id, tenant, "é", "k", "lines.jsonl", digest="d" * 64, **fields)


def batch(batch_id: str = "batch_1", tenant: str = "acme", **more: Any) -> Batch:
    fields: dict[str, Any] = {"created_at": NOW, "expires_at": LATER} | more
    return Batch(batch_id, tenant, "me", "k", "/v1/completions", "file-1", **fields)


def result(line: int, status: int = 200) -> LineResult:
    return LineResult(line, f"id-{line}", status, f"batch_1-{line}", '{"é": "\\u2028"}')


async def leased(stores: Stores, lines: int = 3) -> None:
    """batch_1 is in progress, and ``me`` works on it."""
    await stores.files.add(file(), 1000)
    await stores.batches.add(batch())
    assert await stores.batches.claim("me", NOW, LATER) == batch()
    await stores.batches.change("batch_1", lambda each: each.began(lines, NOW), "me")


async def test_a_file_is_found_unchanged_by_its_tenant(stores: Stores) -> None:
    kept = file(idempotency_key="once")
    await stores.files.add(kept, 1000)
    assert await stores.files.find("acme", "file-1") == kept
    assert await stores.files.find_idempotent("acme", "once") == kept
    assert await stores.files.find("shop", "file-1") is None
    assert await stores.files.find_idempotent("shop", "once") is None
    assert await stores.files.unknown(["file-1", "file-2"]) == ["file-2"]


async def test_a_tenant_has_room_for_so_many_bytes(stores: Stores) -> None:
    await stores.files.add(file(), 25)
    await stores.files.add(file("file-2"), 25)
    with pytest.raises(TooLarge) as refused:
        await stores.files.add(file("file-3"), 25)
    assert (refused.value.details["field"], refused.value.details["limit"]) == ("file", 25)
    await stores.files.add(file("file-3", "shop"), 25)
    assert await stores.files.find("acme", "file-3") is None


async def test_idempotency_keys_count_once_a_tenant(stores: Stores) -> None:
    await stores.files.add(file(idempotency_key="once"), 1000)
    await stores.files.add(file("file-2", "shop", idempotency_key="once"), 1000)
    with pytest.raises(Conflict):
        await stores.files.add(file("file-3", idempotency_key="once"), 1000)
    await stores.batches.add(batch(idempotency_key="once"))
    with pytest.raises(Conflict):
        await stores.batches.add(batch("batch_2", idempotency_key="once"))
    found = await stores.batches.find_idempotent("acme", "once")
    assert found is not None
    assert found.id == "batch_1"


async def test_pages_of_files(stores: Stores) -> None:
    for at in range(5):
        made = file(f"file-{at}", created_at=NOW + timedelta(seconds=at // 2))
        await stores.files.add(replace(made, purpose=Purpose.BATCH_OUTPUT) if at == 3 else made, 1000)
    await stores.files.add(file("file-9", "shop"), 1000)

    async def ids(query: PageQuery) -> list[str]:
        return [record.id for record in await stores.files.page("acme", query)]

    assert await ids(PageQuery(2)) == ["file-4", "file-3", "file-2"]
    assert await ids(PageQuery(2, "file-3")) == ["file-2", "file-1", "file-0"]
    assert await ids(PageQuery(2, "file-1")) == ["file-0"]
    assert await ids(PageQuery(9, "file-2", newest_first=False)) == ["file-3", "file-4"]
    assert await ids(PageQuery(9, "file-3", purpose=Purpose.BATCH)) == ["file-2", "file-1", "file-0"]
    for stranger in ("file-9", "nothing"):
        with pytest.raises(InvalidArgument, match="after"):
            await stores.files.page("acme", PageQuery(2, stranger))


async def test_a_file_goes_when_no_batch_reads_it(stores: Stores) -> None:
    await leased(stores)
    assert not await stores.files.remove("shop", "file-1")
    with pytest.raises(Conflict, match="batch_1"):
        await stores.files.remove("acme", "file-1")
    await stores.batches.change("batch_1", lambda each: each.failed((), NOW))
    assert await stores.files.remove("acme", "file-1")
    assert not await stores.files.remove("acme", "file-1")
    assert await stores.batches.find("acme", "batch_1") is not None


async def test_a_batch_is_found_unchanged_by_its_tenant(stores: Stores) -> None:
    await stores.files.add(file(), 1000)
    kept = batch(metadata={"a": "é"}, idempotency_key="once")
    await stores.batches.add(kept)
    assert await stores.batches.find("acme", "batch_1") == kept
    assert await stores.batches.find("shop", "batch_1") is None
    assert list(await stores.batches.page("acme", PageQuery(20))) == [kept]
    assert list(await stores.batches.page("shop", PageQuery(20))) == []
    errors = (BatchError("invalid_method", "method must be POST", 7, "method"),)
    changed = await stores.batches.change("batch_1", lambda each: each.failed(errors, LATER))
    assert changed == await stores.batches.find("acme", "batch_1")
    assert (changed.errors, changed.times) == (errors, {Status.FAILED: LATER})


async def test_a_batch_needs_a_file_of_its_tenant(stores: Stores) -> None:
    await stores.files.add(file(tenant="shop"), 1000)
    with pytest.raises(NotFound):
        await stores.batches.add(batch())
    with pytest.raises(NotFound):
        await stores.batches.change("batch_1", lambda each: each)


async def test_the_oldest_batch_is_claimed_by_one(stores: Stores) -> None:
    await stores.files.add(file(), 1000)
    await stores.batches.add(batch("batch_2", created_at=LATER))
    await stores.batches.add(batch())
    first, second = (
        await stores.batches.claim("me", NOW, LATER),
        await stores.batches.claim("you", NOW, LATER),
    )
    assert (first and first.id, second and second.id) == ("batch_1", "batch_2")
    assert await stores.batches.claim("you", NOW, LATER) is None
    await stores.batches.change("batch_2", lambda each: each.failed((), NOW))
    again = await stores.batches.claim("you", LATER, LATER + timedelta(seconds=1))
    assert again is not None
    assert again.id == "batch_1"
    assert await stores.batches.claim("me", LATER, LATER) is None


async def test_of_many_who_claim_at_once_each_batch_has_one(stores: Stores) -> None:
    await stores.files.add(file(), 1000)
    for number in range(4):
        await stores.batches.add(batch(f"batch_{number}", created_at=NOW + timedelta(seconds=number)))
    claims = (stores.batches.claim(f"gateway-{number}", LATER, LATER + timedelta(60)) for number in range(10))
    won = [claimed.id for claimed in await asyncio.gather(*claims) if claimed]
    assert sorted(won) == [f"batch_{number}" for number in range(4)]


async def test_results_that_come_at_once_are_all_counted(stores: Stores) -> None:
    await leased(stores, lines=12)
    records = (stores.batches.record("batch_1", "me", result(line)) for line in range(1, 13))
    await asyncio.gather(*records)
    found = await stores.batches.find("acme", "batch_1")
    assert found is not None
    assert found.counts == Counts(12, 12, 0)


async def test_uploads_at_once_get_no_more_room_than_there_is(stores: Stores) -> None:
    async def add(number: int) -> bool:
        try:
            await stores.files.add(file(f"file-{number}"), 35)
        except TooLarge:
            return False
        return True

    assert sum(await asyncio.gather(*(add(number) for number in range(8)))) == 3


async def test_keys_that_are_used_twice_at_once_count_once(stores: Stores) -> None:
    await stores.files.add(file(), 1000)

    async def add(number: int) -> bool:
        try:
            await stores.batches.add(batch(f"batch_{number}", idempotency_key="once"))
        except Conflict:
            return False
        return True

    assert sum(await asyncio.gather(*(add(number) for number in range(8)))) == 1


async def test_a_lease_is_renewed_released_and_lost(stores: Stores) -> None:
    await leased(stores)
    await stores.batches.renew("batch_1", "me", LATER + timedelta(seconds=1))
    assert await stores.batches.claim("you", LATER, LATER) is None
    await stores.batches.release("batch_1", "you")
    assert await stores.batches.claim("you", LATER, LATER) is None
    await stores.batches.release("batch_1", "me")
    assert await stores.batches.claim("you", NOW, LATER) is not None
    with pytest.raises(LeaseLost):
        await stores.batches.renew("batch_1", "me", LATER)
    with pytest.raises(LeaseLost):
        await stores.batches.record("batch_1", "me", result(1))
    with pytest.raises(LeaseLost):
        await stores.batches.finish("batch_1", "me", lambda each: each, [file("file-out")])
    assert await stores.batches.done("batch_1") == frozenset()
    assert await stores.files.find("acme", "file-out") is None


async def test_results_are_counted_as_they_are_kept(stores: Stores) -> None:
    await leased(stores)
    for line, status in ((3, 200), (1, 400), (2, 200)):
        await stores.batches.record("batch_1", "me", result(line, status))
    found = await stores.batches.find("acme", "batch_1")
    assert found is not None
    assert found.counts == Counts(3, 2, 1)
    assert await stores.batches.done("batch_1") == {1, 2, 3}
    assert list(await stores.batches.results("batch_1", 0, 2)) == [result(1, 400), result(2)]
    assert list(await stores.batches.results("batch_1", 2, 2)) == [result(3)]


async def test_the_end_brings_the_files_and_takes_the_results(stores: Stores) -> None:
    await leased(stores, lines=1)
    await stores.batches.record("batch_1", "me", result(1))
    await stores.batches.change("batch_1", lambda each: each.moved(Status.FINALIZING, NOW), "me")

    def ended(each: Batch) -> Batch:
        return replace(each.moved(Status.COMPLETED, LATER), output_file_id="file-out")

    output = file("file-out", purpose=Purpose.BATCH_OUTPUT)
    finished = await stores.batches.finish("batch_1", "me", ended, [output])
    assert finished == await stores.batches.find("acme", "batch_1")
    assert finished.finished
    assert await stores.files.find("acme", "file-out") == output
    assert list(await stores.batches.results("batch_1", 0, 9)) == []


async def test_a_change_that_is_refused_changes_nothing(stores: Stores) -> None:
    await leased(stores)
    with pytest.raises(Conflict):
        await stores.batches.change("batch_1", lambda each: each.moved(Status.COMPLETED, NOW))
    found = await stores.batches.find("acme", "batch_1")
    assert found is not None
    assert found.status is Status.IN_PROGRESS


async def chunks(*parts: bytes) -> AsyncGenerator[bytes, None]:
    for part in parts:
        yield part


async def read(contents: FileContents, file_id: str) -> bytes:
    return b"".join([chunk async for chunk in contents.read(file_id)])


async def test_contents_are_kept_whole(contents: FileContents) -> None:
    size, digest = await contents.write("file-1", chunks(b"ab", b"", b"c"), 3)
    assert (size, digest) == (3, sha256(b"abc").hexdigest())
    assert await read(contents, "file-1") == b"abc"
    await contents.write("file-1", chunks(b"d"), 3)
    assert await read(contents, "file-1") == b"d"
    await contents.delete("file-1")
    await contents.delete("file-1")
    with pytest.raises(NotFound):
        await read(contents, "file-1")


async def test_what_breaks_off_leaves_what_was_there(contents: FileContents) -> None:
    async def broken() -> AsyncGenerator[bytes, None]:
        yield b"ab"
        raise InvalidArgument("broken")

    await contents.write("file-1", chunks(b"old"), 3)
    with pytest.raises(TooLarge):
        await contents.write("file-1", chunks(b"ab", b"cd"), 3)
    with pytest.raises(InvalidArgument, match="broken"):
        await contents.write("file-1", broken(), 3)
    assert await read(contents, "file-1") == b"old"
    assert list(await contents.stale(-60)) == ["file-1"]


async def test_lines_are_numbered_and_bounded(contents: FileContents) -> None:
    await contents.write("file-1", chunks(b"1234\n\n12", b"345678901\nlast"), 100)
    found: list[tuple[int, bytes]] = []
    async with aclosing(contents.lines("file-1", 4)) as blocks:
        async for block in blocks:
            found += block
    assert found == [(1, b"1234\n"), (2, b"\n"), (3, b"12345"), (4, b"last")]


async def test_a_folder_forgets_what_dead_writers_left(tmp_path: Path) -> None:
    contents = FolderContents(tmp_path)
    (tmp_path / "x.part").write_bytes(b"half")
    await contents.write("file-1", chunks(b"whole"), 100)
    assert await contents.stale(3600) == []
    assert (tmp_path / "x.part").exists()
    names: Sequence[str] = await contents.stale(-60)
    assert list(names) == ["file-1"]
    assert [path.name for path in tmp_path.iterdir()] == ["file-1"]
    assert (tmp_path / "file-1").stat().st_mode & 0o077 == 0


async def test_many_lines_come_in_blocks(tmp_path: Path) -> None:
    contents = FolderContents(tmp_path)
    await contents.write("file-1", chunks(*[b"x" * 999 + b"\n"] * 3000), 10**7)
    blocks = [block async for block in contents.lines("file-1", 1000)]
    assert len(blocks) == 3
    assert [number for block in blocks for number, _ in block] == list(range(1, 3001))
