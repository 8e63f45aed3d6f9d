"""Migrations: all or nothing, once, and never under a newer database."""

import asyncio
import pkgutil
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from textwrap import dedent

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, inspect, sql, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Unsupported
from colonnade.gateway.adapters import batch_tables, sql_limits, sql_usage
from colonnade.gateway.adapters.sql import METADATA as GATEWAY
from colonnade.registry import adapters
from colonnade.registry.adapters.tables import METADATA as REGISTRY
from colonnade.storage.migrations import folder_of, migrate, upgrade
from colonnade.storage.sql import Database
from tests.contract.conftest import KINDS, Opener, Urls

for module in pkgutil.iter_modules(adapters.__path__):
    if module.name.endswith("_tables"):  # each noun's own, on the one METADATA
        import_module(f"{adapters.__name__}.{module.name}")

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


def newest(package: str) -> str:
    """The newest revision that a service's code has."""
    names = (each.name for each in (files(package) / "migrations").iterdir())
    return max(name[1:5] for name in names if name.startswith("r0"))


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


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, opened: Opener) -> Database:
    return opened(request.param, "")


async def tables(database: Database) -> set[str]:
    async with database.reading() as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    return {name for name in names if not name.endswith("_version")}


async def test_a_new_database_gets_all_and_a_known_one_the_rest(service: Service, database: Database) -> None:
    assert await migrate(database, service.package) == "0001"
    service.add("0002", "0001", "CREATE TABLE second (id INTEGER)")
    assert await migrate(database, service.package) == "0002"
    assert await migrate(database, service.package) == "0002"
    assert await tables(database) == {"first", "second"}


async def test_who_made_a_key_gets_the_name_of_their_tenant(database: Database) -> None:
    folder = folder_of("colonnade.gateway")

    async def before(connection: AsyncConnection) -> None:
        await connection.run_sync(upgrade, folder, "version", "0004")
        limits = sql.table("limits", *map(sql.column, ("kind", "tenant", "name", "updated_at", "updated_by")))
        for name, by in (("a", "ann"), ("b", "")):
            row = {"kind": "key", "tenant": "acme", "name": name, "updated_at": 1, "updated_by": by}
            await connection.execute(limits.insert().values(row))
        await connection.run_sync(upgrade, folder, "version")

    await database.write(before, alone=True)
    async with database.reading() as connection:
        named = await connection.execute(text("SELECT updated_by FROM limits ORDER BY name"))
        assert list(named.scalars()) == ["acme/ann", ""]


async def test_a_failed_migration_changes_nothing(service: Service, database: Database) -> None:
    service.add("0002", "0001", "CREATE TABLE second (id INTEGER)", "CREATE nonsense")
    with pytest.raises(DBAPIError):
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
    other = Database(database.engine.url.render_as_string(hide_password=False))
    try:
        both = (migrate(database, service.package), migrate(other, service.package))
        assert set(await asyncio.gather(*both)) == {"0001"}
    finally:
        await other.close()


_START = """
import asyncio, sys
from colonnade.storage.migrations import folder_of, migrate, upgrade
from colonnade.storage.sql import Database

async def start():
    database = Database(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    print(await migrate(database, sys.argv[2]))
    await database.close()

asyncio.run(start())
"""


@pytest.mark.parametrize("kind", KINDS)
async def test_processes_that_start_at_once_do_it_once(new_url: Urls, kind: str) -> None:
    url = new_url(kind, "")
    pipe = asyncio.subprocess.PIPE
    starters = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", _START, url, "colonnade.gateway", stdin=pipe, stdout=pipe, stderr=pipe
        )
        for _ in range(2)
    ]
    for starter in starters:
        assert starter.stdout is not None
        assert await starter.stdout.readline() == b"ready\n"
    said = await asyncio.gather(*(starter.communicate(b"go\n") for starter in starters))
    assert [output.decode().strip() for output, _ in said] == [newest("colonnade.gateway")] * 2, said


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("package", "metadata"),
    [("colonnade.gateway", GATEWAY), ("colonnade.registry", REGISTRY)],
    ids=["gateway", "registry"],
)
async def test_the_migrated_tables_are_those_of_the_code(
    opened: Opener, kind: str, package: str, metadata: MetaData
) -> None:
    assert {sql_limits.LIMITS, sql_usage.USAGE, sql_usage.BATCHES, batch_tables.FILES} < set(
        GATEWAY.tables.values()
    )

    def differences(connection: Connection) -> list[object]:
        options = {
            "version_table": f"{package.rpartition('.')[2]}_version"
            if kind == "postgres"
            else "alembic_version"
        }
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    async with opened(kind, package).reading() as connection:
        assert await connection.run_sync(differences) == []


async def test_two_services_may_share_a_database_on_a_server(opened: Opener) -> None:
    database = opened("postgres", "")
    for _ in range(2):
        assert await migrate(database, "colonnade.gateway") == newest("colonnade.gateway")
        assert await migrate(database, "colonnade.registry") == newest("colonnade.registry")
    assert {"api_keys", "models"} < await tables(database)


async def test_names_sort_by_their_characters_whatever_a_servers_language_is(opened: Opener) -> None:
    """The server of the tests sorts everything so; others have been set up to sort as in a dictionary."""

    def collations(connection: Connection) -> dict[str, str | None]:
        found = {}
        for table, column in (("models", "name"), ("aliases", "name"), ("artefacts", "path")):
            types = {each["name"]: each["type"] for each in inspect(connection).get_columns(table)}
            found[table] = getattr(types[column], "collation", None)
        return found

    async with opened("postgres", "colonnade.registry").reading() as connection:
        assert set((await connection.run_sync(collations)).values()) == {"C"}
