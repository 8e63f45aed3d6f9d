"""The databases that stores run on: a file, and a real server."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from colonnade.storage.migrations import migrate
from colonnade.storage.sql import Database, sqlite_url
from tests.harness.postgres import Postgres
from tests.harness.postgres import postgres as running

KINDS = ("sqlite", "postgres")
Urls = Callable[[str, str], str]
Opener = Callable[[str, str], Database]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A SQLite file with a service's tables, to be copied."""
    folder = tmp_path_factory.mktemp("templates")

    def file(package: str) -> Path:
        path = folder / f"{package}.db"
        if not path.exists():
            with ThreadPoolExecutor(1) as threads:  # a test's own loop may be running in this one
                threads.submit(asyncio.run, _migrated(path, package)).result()
        return path

    return file


@pytest.fixture
def new_url(
    request: pytest.FixtureRequest, tmp_path: Path, migrated_files: Callable[[str], Path]
) -> Iterator[Urls]:
    """The url of an empty database of a kind, with the tables of a service's package, or with none.

    Two in one test are two databases."""
    numbers, lent = count(), ExitStack()

    def url(kind: str, package: str = "") -> str:
        if kind == "postgres":
            server: Postgres = request.getfixturevalue("postgres")
            return lent.enter_context(server.lent(package))
        path = tmp_path / f"store-{next(numbers)}.db"
        if package:
            shutil.copyfile(migrated_files(package), path)
        return sqlite_url(path)

    with lent:
        yield url


@pytest.fixture
async def opened(new_url: Urls) -> AsyncIterator[Opener]:
    """Opens a new database of a kind, with the tables of a package; it is closed after the test."""
    databases: list[Database] = []

    def database(kind: str, package: str) -> Database:
        databases.append(Database(new_url(kind, package)))
        return databases[-1]

    yield database
    for each in databases:
        await each.close()


async def _migrated(path: Path, package: str) -> None:
    database = Database(sqlite_url(path))
    try:
        await migrate(database, package)
    finally:
        await database.close()
