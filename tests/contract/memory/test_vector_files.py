"""Graphs of large scopes, and their files: made of rows, whatever becomes of them."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.memory.adapters import vectors_file
from colonnade.memory.adapters.rows import row_of
from colonnade.memory.adapters.sql_store import SqlMemoryStore
from colonnade.memory.adapters.tables import MEMORIES
from colonnade.memory.adapters.vectors_embedded import EmbeddedVectors
from colonnade.memory.adapters.vectors_graph import Graph
from colonnade.memory.domain.scope import Scope
from colonnade.memory.domain.search import Filter, Near
from colonnade.storage.sql import Database, sqlite_url
from tests.contract.conftest import Opener
from tests.unit.memory.fakes import BOB, EVE, memory, memory_id

MODEL = f"sha256:{'a' * 64}"
COUNT, DIMENSION = 300, 32
RNG = np.random.default_rng(11)
Matrix = NDArray[np.float64]


def clustered(count: int, dimension: int, clusters: int, seed: int) -> Matrix:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(clusters, dimension))
    found: Matrix = centres[rng.integers(clusters, size=count)] + 0.4 * rng.normal(size=(count, dimension))
    unit: Matrix = found / np.linalg.norm(found, axis=1, keepdims=True)
    return unit


async def remember(database: Database, scope: Scope, count: int, first: int = 1) -> None:
    rows = [row_of(memory(number, scope=scope)) for number in range(first, first + count)]

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(insert(MEMORIES), rows)

    await database.write(work)


async def put(vectors: EmbeddedVectors, matrix: Matrix, scope: Scope = EVE, first: int = 1) -> None:
    named = {memory_id(number): vector.tolist() for number, vector in enumerate(matrix, first)}
    await vectors.put(scope, MODEL, named)


def exactly(matrix: Matrix, question: Matrix, limit: int = 10) -> list[str]:
    kept = matrix.astype(np.float16).astype(np.float64)
    cosines = (kept @ question) / np.linalg.norm(kept, axis=1)
    order = np.argsort(-cosines, kind="stable")[:limit]
    return [memory_id(int(place) + 1) for place in order]


def ids(found: Sequence[Near]) -> list[str]:
    return [near.id for near in found]


@asynccontextmanager
async def vectors_in(database: Database, folder: Path, **more: int) -> AsyncIterator[EmbeddedVectors]:
    vectors = EmbeddedVectors(database, folder, **({"exact": 50} | more))
    try:
        yield vectors
    finally:
        await vectors.close()


@pytest.fixture
def database(opened: Opener) -> Database:
    return opened("sqlite", "colonnade.memory")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "vectors"


@pytest.fixture
async def matrix(database: Database, folder: Path) -> Matrix:
    """What Eve has, with a graph that is in a file."""
    found = clustered(COUNT, DIMENSION, 20, seed=1)
    await remember(database, EVE, COUNT)
    async with vectors_in(database, folder) as vectors:
        await put(vectors, found)
        await ask(vectors, found)
        await vectors.graphs.settled()
    assert len(list(vectors_file.files(folder))) == 1
    return found


async def ask(vectors: EmbeddedVectors, matrix: Matrix, limit: int = 10) -> None:
    """The answers are those of looking at all."""
    for place in (0, 17, 200):
        found = await vectors.nearest([EVE], MODEL, matrix[place].tolist(), Filter(), limit)
        assert ids(found) == exactly(matrix, matrix[place], limit)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many vectors are taken into graphs, each time that some are."""
    counts: list[int] = []
    real = Graph.add

    def add(graph: Graph, numbers: NDArray[np.int64], matrix: NDArray[np.float16]) -> None:
        counts.append(len(numbers))
        real(graph, numbers, matrix)

    monkeypatch.setattr(Graph, "add", add)
    return counts


async def test_while_a_graph_is_made_rows_answer(database: Database, folder: Path) -> None:
    matrix = clustered(COUNT, DIMENSION, 20, seed=1)
    await remember(database, EVE, COUNT)
    async with vectors_in(database, folder) as vectors:
        await put(vectors, matrix)
        await ask(vectors, matrix)
        await ask(vectors, matrix, limit=COUNT)
        await vectors.graphs.settled()
        await ask(vectors, matrix)
        await ask(vectors, matrix, limit=COUNT)


async def test_a_file_is_read_again_and_not_made_again(
    database: Database, folder: Path, matrix: Matrix, made: list[int]
) -> None:
    async with vectors_in(database, folder) as vectors:
        await ask(vectors, matrix)
        await vectors.graphs.settled()
    assert made == []


async def test_many_ask_at_once_while_a_file_is_read(
    database: Database, folder: Path, matrix: Matrix
) -> None:
    async with vectors_in(database, folder) as vectors:
        await asyncio.gather(*(ask(vectors, matrix) for _ in range(40)))


async def test_what_came_since_is_added_alone(
    database: Database, folder: Path, matrix: Matrix, made: list[int]
) -> None:
    more = np.vstack([matrix, clustered(60, DIMENSION, 20, seed=2)])
    await remember(database, EVE, 60, COUNT + 1)
    async with vectors_in(database, folder, exact=1000) as vectors:  # it has no graph there
        await put(vectors, more[COUNT:], first=COUNT + 1)
    async with vectors_in(database, folder) as vectors:
        await ask(vectors, more)
        await vectors.graphs.settled()
        await ask(vectors, more)
    assert made == [60]
    (file,) = vectors_file.files(folder)
    assert file.count == COUNT + 60


async def test_many_that_come_are_taken_in_meanwhile(
    database: Database, folder: Path, matrix: Matrix, made: list[int]
) -> None:
    more = np.vstack([matrix, clustered(400, DIMENSION, 20, seed=2)])
    await remember(database, EVE, 400, COUNT + 1)
    async with vectors_in(database, folder) as vectors:
        await ask(vectors, matrix)
        await put(vectors, more[COUNT : COUNT + 10], first=COUNT + 1)
        await vectors.graphs.settled()
        assert sum(made) == 0
        await put(vectors, more[COUNT + 10 :], first=COUNT + 11)
        await ask(vectors, more)
        await vectors.graphs.settled()
        assert sum(made) == 400
        await ask(vectors, more)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content[:-200] + bytes([content[-200] ^ 1]) + content[-199:],
        lambda content: b"",
        lambda content: os.urandom(len(content)),
    ],
)
async def test_a_damaged_file_is_made_again(
    database: Database, folder: Path, matrix: Matrix, made: list[int], damage: Callable[[bytes], bytes]
) -> None:
    (file,) = vectors_file.files(folder)
    file.path.write_bytes(damage(file.path.read_bytes()))
    async with vectors_in(database, folder) as vectors:
        await ask(vectors, matrix)
        await vectors.graphs.settled()
        await ask(vectors, matrix)
    assert sum(made) == COUNT
    (again,) = vectors_file.files(folder)
    assert vectors_file.load(folder, again.place, DIMENSION) is not None


async def test_a_file_of_another_dimension_is_not_used(folder: Path, matrix: Matrix) -> None:
    (file,) = vectors_file.files(folder)
    assert vectors_file.load(folder, file.place, DIMENSION + 1) is None


async def test_what_is_not_a_file_of_ours_is_left_alone(folder: Path, matrix: Matrix) -> None:
    for name in ("notes.txt", "a-b-c-d.usearch", "x.usearch"):
        (folder / name).write_text("mine")
    assert len(list(vectors_file.files(folder))) == 1


async def test_files_are_for_their_owner_alone(folder: Path, matrix: Matrix) -> None:
    (file,) = vectors_file.files(folder)
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def traces(folder: Path, vector: Matrix) -> int:
    """How often a vector stands in files there."""
    found = vector.astype("<f2").tobytes()
    return sum(path.read_bytes().count(found) for path in folder.iterdir() if path.is_file())


async def test_of_what_is_forgotten_nothing_is_in_files_once_it_is_tidied(
    database: Database, folder: Path, matrix: Matrix
) -> None:
    store = SqlMemoryStore(database)
    assert traces(folder, matrix[4]) == 1
    async with vectors_in(database, folder) as vectors:
        await ask(vectors, matrix)
        await vectors.tidy()
        assert traces(folder, matrix[4]) == 1  # nothing was forgotten
        await store.forget(EVE, [memory_id(5)])
        found = await vectors.nearest([EVE], MODEL, matrix[4].tolist(), Filter(), COUNT)
        assert memory_id(5) not in ids(found)
        assert len(found) == COUNT - 1
        await vectors.tidy()
        assert traces(folder, matrix[4]) == 0
        await vectors.graphs.settled()
        await ask_all_but(vectors, matrix, 5)
    async with vectors_in(database, folder) as vectors:
        await ask_all_but(vectors, matrix, 5)
        await vectors.graphs.settled()
        await ask_all_but(vectors, matrix, 5)
    assert traces(folder, matrix[4]) == 0
    assert traces(folder, matrix[5]) == 1


async def ask_all_but(vectors: EmbeddedVectors, matrix: Matrix, number: int) -> None:
    found = await vectors.nearest([EVE], MODEL, matrix[number - 1].tolist(), Filter(), 10)
    assert ids(found) == [id_ for id_ in exactly(matrix, matrix[number - 1], 11) if id_ != memory_id(number)]


async def test_a_scope_that_is_gone_leaves_no_file(database: Database, folder: Path, matrix: Matrix) -> None:
    await SqlMemoryStore(database).forget(EVE, [memory_id(number) for number in range(1, COUNT + 1)])
    async with vectors_in(database, folder) as vectors:
        await vectors.tidy()
        assert await vectors.nearest([EVE], MODEL, matrix[0].tolist(), Filter(), 10) == []
    assert list(folder.iterdir()) == []


async def test_a_graph_of_which_much_is_gone_is_made_anew(
    database: Database, folder: Path, matrix: Matrix, made: list[int]
) -> None:
    async with vectors_in(database, folder) as vectors:
        await ask(vectors, matrix)
        await SqlMemoryStore(database).forget(EVE, [memory_id(number) for number in range(101, COUNT + 1)])
        await vectors.tidy()
        await vectors.graphs.settled()
        assert sum(made) == 100
        found = await vectors.nearest([EVE], MODEL, matrix[3].tolist(), Filter(), 10)
        assert ids(found) == exactly(matrix[:100], matrix[3])
    (file,) = vectors_file.files(folder)
    assert file.count == 100


async def test_a_file_of_a_database_that_was_put_back_is_not_used(
    database: Database, folder: Path, matrix: Matrix, made: list[int], tmp_path: Path
) -> None:
    """It gives the numbers that the file has to other vectors."""
    before = tmp_path / "before.db"

    async def copied(connection: AsyncConnection) -> None:
        await connection.execute(text("VACUUM INTO :path"), {"path": str(before)})

    outside = database.engine.execution_options(colonnade_begin="SELECT 1")
    async with outside.connect() as connection:
        await copied(connection)
    await remember(database, EVE, 60, COUNT + 1)
    more = np.vstack([matrix, clustered(60, DIMENSION, 20, seed=2)])
    async with vectors_in(database, folder) as vectors:
        await put(vectors, more[COUNT:], first=COUNT + 1)
        await ask(vectors, more)
        await vectors.graphs.settled()
    (file,) = vectors_file.files(folder)
    assert file.count == COUNT + 60
    for others in (0, 60):
        restored = Database(sqlite_url(Path(shutil.copy(before, tmp_path / f"restored-{others}.db"))))
        await remember(restored, EVE, 60, COUNT + 1)
        async with vectors_in(restored, tmp_path / "elsewhere", exact=1000) as vectors:
            await put(vectors, clustered(60, DIMENSION, 20, seed=6)[:others], first=COUNT + 1)
        kept = shutil.copytree(folder, tmp_path / f"vectors-{others}")
        made.clear()
        async with vectors_in(restored, kept) as vectors:
            now = np.vstack([matrix, clustered(60, DIMENSION, 20, seed=6)[:others]])
            await ask(vectors, now)
            await vectors.graphs.settled()
            await ask(vectors, now)
        assert sum(made) == len(now)
        await restored.close()


async def test_each_scope_has_its_own_file_and_makes_room_for_the_next(
    database: Database, folder: Path, matrix: Matrix, made: list[int]
) -> None:
    theirs = clustered(COUNT, DIMENSION, 20, seed=5)
    await remember(database, BOB, COUNT, 1)
    async with vectors_in(database, folder, graphs_bytes=1) as vectors:
        await put(vectors, theirs, BOB)
        for _ in range(3):
            await ask(vectors, matrix)
            found = await vectors.nearest([BOB], MODEL, theirs[9].tolist(), Filter(), 10)
            assert ids(found) == exactly(theirs, theirs[9])
            await vectors.graphs.settled()
    assert len(list(vectors_file.files(folder))) == 2
    assert sum(made) == COUNT  # Bob's, once


async def test_rows_that_are_kept_in_memory_make_room_too(database: Database, folder: Path) -> None:
    matrix = clustered(40, DIMENSION, 4, seed=3)
    for scope in (EVE, BOB):
        await remember(database, scope, 40)
    async with vectors_in(database, folder, rows_bytes=6000) as vectors:
        for scope in (EVE, BOB):
            await put(vectors, matrix, scope)
        for scope in (EVE, BOB, EVE, EVE):
            found = await vectors.nearest([scope], MODEL, matrix[7].tolist(), Filter(), 10)
            assert ids(found) == exactly(matrix, matrix[7])
    assert not folder.exists()


_KILLED = """
import asyncio, sys
from pathlib import Path
from colonnade.memory.adapters import vectors_file
from colonnade.memory.adapters.vectors_embedded import EmbeddedVectors
from colonnade.memory.domain.search import Filter
from colonnade.storage.sql import Database
from tests.contract.memory.test_vector_files import EVE, MODEL

at, url, folder, *vector = sys.argv[1:]
real = getattr(vectors_file, at)

def hang(*arguments):
    if at == "_sync_folder":
        real(*arguments)
    print("here", flush=True)
    import time
    time.sleep(600)

setattr(vectors_file, at, hang)

async def main():
    vectors = EmbeddedVectors(Database(url), Path(folder), exact=50)
    await vectors.nearest([EVE], MODEL, list(map(float, vector)), Filter(), 10)
    await vectors.graphs.settled()

asyncio.run(main())
"""


@pytest.mark.parametrize("at", ["_synced", "_sync_folder"])
async def test_who_is_killed_while_a_file_is_written_leaves_what_the_next_can_use(
    database: Database, folder: Path, matrix: Matrix, at: str
) -> None:
    for file in vectors_file.files(folder):
        file.path.unlink()
    url = sqlite_url(Path(str(database.engine.url.database)))
    question = [str(each) for each in matrix[0]]
    process = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", _KILLED, at, url, str(folder), *question], stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert await asyncio.to_thread(process.stdout.readline) == b"here\n"
        os.kill(process.pid, signal.SIGKILL)
    left = [path.name for path in folder.iterdir()]
    assert len(left) == 1
    assert left[0].endswith(".draft") == (at == "_synced")
    async with vectors_in(database, folder) as vectors:
        await ask(vectors, matrix)
        await vectors.graphs.settled()
        await ask(vectors, matrix)
    assert [path.suffix for path in folder.iterdir()] == [".usearch"]


@pytest.mark.slow
async def test_of_twenty_thousand_nearly_all_of_the_ten_nearest_are_found(
    database: Database, folder: Path
) -> None:
    large = clustered(20_000, 384, 200, seed=20)
    await remember(database, EVE, len(large))
    questions = clustered(100, 384, 200, seed=20) + 0.02 * RNG.normal(size=(100, 384))
    async with vectors_in(database, folder, exact=4096) as vectors:
        await put(vectors, large)
        await vectors.nearest([EVE], MODEL, large[0].tolist(), Filter(), 10)
        await vectors.graphs.settled()
        found = 0
        for question, cosines in zip(questions, questions @ large.T, strict=True):
            near = await vectors.nearest([EVE], MODEL, question.tolist(), Filter(), 10)
            nearest = {memory_id(int(place) + 1) for place in np.argpartition(-cosines, 10)[:10]}
            found += len(nearest & set(ids(near)))
    assert found / 1000 >= 0.95
