"""Brings a database to the schema of the code, once, at the start of its service.

A service keeps its Alembic revisions in ``<package>/migrations``. All pending ones run in one transaction
under a lock: a service that is killed half-way leaves the old schema, and two that start at once do it once.
"""

import asyncio
import logging
from importlib.resources import files
from pathlib import Path
from weakref import WeakKeyDictionary

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Unsupported
from colonnade.storage.sql import Database

logging.getLogger("alembic.runtime.migration").setLevel(logging.WARNING)  # speaks at every start

_ENVIRONMENT = Path(__file__).parent / "alembic_env"
_TURNS: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
"""Alembic keeps its context in a global: one at a time, whoever it is for."""


async def migrate(database: Database, package: str) -> str:
    """Runs the pending revisions of ``package`` and returns the revision that the database is at now.

    Raises ``Unsupported`` where a newer release has written the database: nothing is changed then.
    """
    folder = folder_of(package)

    # On one file there is one service; on a server several may have their tables in one database.
    table = "alembic_version" if database.is_sqlite else f"{package.rpartition('.')[2]}_version"

    async def work(connection: AsyncConnection) -> str:
        return await connection.run_sync(upgrade, folder, table)

    async with _TURNS.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
        return await database.write(work, alone=True)


def folder_of(package: str) -> Path:
    """Where a service keeps its revisions."""
    return Path(str(files(package) / "migrations"))


def upgrade(connection: Connection, folder: Path, table: str, to: str = "head") -> str:
    """Runs the revisions in ``folder`` on an open transaction; ``table`` remembers which.

    ``to`` is the last of them; ``Unsupported`` where a newer release has it."""
    config = Config()
    config.set_main_option("script_location", _escaped(_ENVIRONMENT))
    config.set_main_option("version_locations", _escaped(folder))
    config.set_main_option("path_separator", "newline")
    config.attributes.update(connection=connection, version_table=table)
    script = ScriptDirectory.from_config(config)
    for needed in (current_revision(connection, table), to):
        _refuse_newer(needed, script)
    command.upgrade(config, to)
    return current_revision(connection, table)


def current_revision(connection: Connection, table: str) -> str:
    """The revision that the database is at; empty before the first."""
    context = MigrationContext.configure(connection, opts={"version_table": table})
    return context.get_current_revision() or ""


def _refuse_newer(found: str, script: ScriptDirectory) -> None:
    try:
        if found:
            script.get_revision(found)
    except CommandError as error:
        raise Unsupported(
            f"this was written by a newer release (schema {found}; this one knows up to "
            f"{script.get_current_head()}); start that release again, or restore a backup from before it",
            found=found,
            known=script.get_current_head(),
        ) from error


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")  # the options are interpolated
