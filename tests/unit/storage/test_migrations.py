"""Migrations: all or nothing, once, and never under a newer database."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from colonnade.errors import Unsupported
from colonnade.storage.migrations import migrate
from colonnade.storage.sql import Database, sqlite_url

REVISION = """
    revision = {revision!r}
    down_revision = {before!r}
    branch_labels = depends_on = None
    from alembic import op
    def upgrade():
        {statements}
    def downgrade():
        raise RuntimeError("only forward")
"""


class Service:
    """A package whose migrations a test writes."""

    def __init__(self, folder: Path, package: str) -> None:
        self.package = package
        self._migrations = folder / package / "migrations"
        self._migrations.mkdir(parents=True)
        (folder / package / "__init__.py").touch()

    def add(self, revision: str, before: str | None, *statements: str) -> None:
        lines = "; ".join(f"op.execute({statement!r})" for statement in statements)
        content = dedent(REVISION.format(revision=revision, before=before, statements=lines))
        (self._migrations / f"r{revision}.py").write_text(content)

    def remove(self, revision: str) -> None:
        (self._migrations / f"r{revision}.py").unlink()


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.syspath_prepend(tmp_path)
    service = Service(tmp_path, f"migrated_{tmp_path.name}")
    service.add("0001", None, "CREATE TABLE first (id INTEGER)")
    yield service
    sys.modules.pop(service.package, None)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(sqlite_url(tmp_path / "100%.db"))
    yield database
    await database.close()


async def tables(database: Database) -> set[str]:
    async with database.reading() as connection:
        found = await connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))
        return {row.name for row in found} - {"alembic_version"}


async def test_a_new_database_gets_all_and_a_known_one_the_rest(service: Service, database: Database) -> None:
    assert await migrate(database, service.package) == "0001"
    service.add("0002", "0001", "CREATE TABLE second (id INTEGER)")
    assert await migrate(database, service.package) == "0002"
    assert await migrate(database, service.package) == "0002"
    assert await tables(database) == {"first", "second"}


async def test_a_failed_migration_changes_nothing(service: Service, database: Database) -> None:
    service.add("0002", "0001", "CREATE TABLE second (id INTEGER)", "CREATE nonsense")
    with pytest.raises(OperationalError):
        await migrate(database, service.package)
    assert await tables(database) == set()
    service.remove("0002")
    assert await migrate(database, service.package) == "0001"


async def test_a_newer_database_is_refused_and_left_alone(service: Service, database: Database) -> None:
    service.add("0002", "0001", "CREATE TABLE second (id INTEGER)")
    await migrate(database, service.package)
    service.remove("0002")
    with pytest.raises(Unsupported, match=r"newer release \(schema 0002; this one knows up to 0001\)"):
        await migrate(database, service.package)
    assert await tables(database) == {"first", "second"}


async def test_two_that_start_at_once_do_it_once(service: Service, database: Database) -> None:
    other = Database(str(database.engine.url))
    try:
        both = (migrate(database, service.package), migrate(other, service.package))
        assert set(await asyncio.gather(*both)) == {"0001"}
    finally:
        await other.close()
