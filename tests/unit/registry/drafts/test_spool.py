"""Chunked uploads: offsets, broken connections, kills, two writers, content that is something else."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.errors import Conflict, InvalidArgument, TooLarge
from colonnade.registry.adapters.spool import FolderSpool
from colonnade.registry.drafts.draft import DraftFile
from colonnade.storage.blobs import LocalBlobStore
from tests.unit.registry.drafts.files import announced, pieces, safetensors

ROOM = "room1"
TEXT = b"to be, or not to be\n" * 20
FILE = announced("a/merges.txt", TEXT)
LIMIT = 10.0


def spool_in(folder: Path, patience: float = 5.0) -> FolderSpool:
    return FolderSpool(folder / "drafts", LocalBlobStore(folder / "blobs"), patience_seconds=patience)


@pytest.fixture
def spool(tmp_path: Path) -> FolderSpool:
    return spool_in(tmp_path)


async def content_of(spool: FolderSpool, file: DraftFile, folder: Path) -> bytes:
    await spool.lay(ROOM, [file], folder)
    return (folder / file.path).read_bytes()


async def test_a_file_arrives_in_pieces(spool: FolderSpool, tmp_path: Path) -> None:
    assert await spool.received(ROOM, FILE) == 0
    assert await spool.append(ROOM, FILE, 0, pieces(TEXT[:10], TEXT[10:30])) == 30
    assert await spool.received(ROOM, FILE) == 30
    assert await spool.append(ROOM, FILE, 30, pieces(TEXT[30:])) == len(TEXT)
    assert await content_of(spool, FILE, tmp_path / "laid") == TEXT


async def test_a_broken_connection_loses_nothing_that_arrived(tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError):
        await spool_in(tmp_path).append(ROOM, FILE, 0, pieces(TEXT[:50], fault=ConnectionResetError()))
    again = spool_in(tmp_path)  # as after a kill
    assert await again.received(ROOM, FILE) == 50
    assert await again.append(ROOM, FILE, 50, pieces(TEXT[50:])) == len(TEXT)


async def test_a_cancelled_write_leaves_what_arrived(spool: FolderSpool) -> None:
    arrived = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield TEXT[:7]
        arrived.set()
        await asyncio.Event().wait()

    writing = asyncio.create_task(spool.append(ROOM, FILE, 0, endless()))
    await asyncio.wait_for(arrived.wait(), LIMIT)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await spool.append(ROOM, FILE, 7, pieces(TEXT[7:])) == len(TEXT)


@pytest.mark.parametrize("offset", [0, 9, 11, 10_000])
async def test_a_wrong_offset_is_told_the_right_one(spool: FolderSpool, offset: int) -> None:
    await spool.append(ROOM, FILE, 0, pieces(TEXT[:10]))
    with pytest.raises(Conflict) as refused:
        await spool.append(ROOM, FILE, offset, pieces(TEXT[10:]))
    assert refused.value.details["offset"] == 10
    assert await spool.received(ROOM, FILE) == 10


async def test_more_than_was_announced_is_refused(spool: FolderSpool) -> None:
    with pytest.raises(TooLarge):
        await spool.append(ROOM, FILE, 0, pieces(TEXT, b"more"))
    assert await spool.received(ROOM, FILE) == len(TEXT)
    assert await spool.append(ROOM, FILE, len(TEXT), pieces()) == len(TEXT)


async def test_other_content_is_refused_and_begins_anew(spool: FolderSpool) -> None:
    with pytest.raises(InvalidArgument, match="digest"):
        await spool.append(ROOM, FILE, 0, pieces(b"x" * len(TEXT)))
    assert await spool.received(ROOM, FILE) == 0
    assert await spool.append(ROOM, FILE, 0, pieces(TEXT)) == len(TEXT)


async def test_a_damaged_kind_is_refused_and_begins_anew(spool: FolderSpool) -> None:
    broken = safetensors() + b"left over"
    with pytest.raises(InvalidArgument, match="safetensors"):
        await spool.append(ROOM, announced("m.safetensors", broken), 0, pieces(broken))
    assert await spool.received(ROOM, announced("m.safetensors", broken)) == 0


async def test_what_is_complete_stays_so(spool: FolderSpool) -> None:
    await spool.append(ROOM, FILE, 0, pieces(TEXT))
    assert await spool.append(ROOM, FILE, len(TEXT), pieces()) == len(TEXT)
    with pytest.raises(Conflict):
        await spool.append(ROOM, FILE, 0, pieces(TEXT))


async def test_two_writers_take_turns(spool: FolderSpool) -> None:
    """Both begin at 0: one writes, the other is told where to go on."""
    results = await asyncio.gather(
        *(spool.append(ROOM, FILE, 0, pieces(TEXT[:5], TEXT[5:])) for _ in range(2)), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "int"]
    assert await spool.received(ROOM, FILE) == len(TEXT)


async def test_who_cannot_have_a_turn_is_refused(tmp_path: Path) -> None:
    spool, begun = spool_in(tmp_path, patience=0.01), asyncio.Event()

    async def held() -> AsyncIterator[bytes]:
        begun.set()
        await asyncio.Event().wait()
        yield b""

    writing = asyncio.create_task(spool.append(ROOM, FILE, 0, held()))
    await asyncio.wait_for(begun.wait(), LIMIT)
    with pytest.raises(Conflict, match="another upload"):
        await spool.append(ROOM, FILE, 0, pieces(TEXT))
    writing.cancel()
    await asyncio.wait([writing])


async def test_a_kill_before_the_check_is_made_good_when_it_is_needed(
    spool: FolderSpool, tmp_path: Path
) -> None:
    await spool.append(ROOM, FILE, 0, pieces(TEXT))
    (whole,) = (tmp_path / "drafts" / ROOM).iterdir()
    whole.rename(whole.with_suffix(".part"))
    assert await content_of(spool, FILE, tmp_path / "laid") == TEXT


async def test_an_incomplete_file_is_not_laid(spool: FolderSpool, tmp_path: Path) -> None:
    await spool.append(ROOM, FILE, 0, pieces(TEXT[:3]))
    with pytest.raises(Conflict):
        await spool.lay(ROOM, [FILE], tmp_path / "laid")


async def test_a_held_file_comes_from_the_blobs(tmp_path: Path) -> None:
    blobs = LocalBlobStore(tmp_path / "blobs")
    blob = await blobs.put_bytes(TEXT)
    held = DraftFile("a/merges.txt", len(TEXT), blob.digest, held=True)
    spool = FolderSpool(tmp_path / "drafts", blobs)
    assert await spool.received(ROOM, held) == len(TEXT)
    assert await content_of(spool, held, tmp_path / "laid") == TEXT


async def test_paths_that_are_each_others_folders_do_not_meet(spool: FolderSpool) -> None:
    first, second = announced("a.txt", b"1"), announced("a.txt/a.txt", b"2")
    for file, content in ((first, b"1"), (second, b"2")):
        assert await spool.append(ROOM, file, 0, pieces(content)) == 1


async def test_what_is_discarded_is_gone(spool: FolderSpool) -> None:
    for room in ("a", "b"):
        await spool.append(room, FILE, 0, pieces(TEXT))
    await spool.discard("a")
    assert await spool.rooms() == {"b"}
    assert (await spool.received("a", FILE), await spool.received("b", FILE)) == (0, len(TEXT))


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 199), max_size=8),
    wrong=st.lists(st.integers(0, 250), max_size=3),
    seed=st.integers(0, 1000),
)
def test_any_way_to_cut_it_gives_the_same_file(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], wrong: list[int], seed: int
) -> None:
    """Whoever asks for the offset and goes on from there ends with the whole file."""
    text = random.Random(seed).randbytes(100).hex().encode()
    file, folder = announced("x.txt", text), tmp_path_factory.mktemp("spool")

    async def upload() -> bytes:
        for cut in [*cuts, len(text)]:
            spool = spool_in(folder)
            at = await spool.received(ROOM, file)
            for offset in wrong:
                if offset != at:
                    with pytest.raises(Conflict):
                        await spool.append(ROOM, file, offset, pieces(b"z"))
            if cut > at:
                await spool.append(ROOM, file, at, pieces(text[at:cut]))
        return await content_of(spool, file, folder / "laid")

    assert asyncio.run(upload()) == text
