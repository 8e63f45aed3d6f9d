"""One service's SQL database: SQLite on one machine, PostgreSQL on a cluster, through one code path.

Every piece of work is one transaction. ``reading`` sees one snapshot; ``write`` is serialisable: what it
reads is still true when it writes, and what it has returned from is on the disk. On SQLite that is WAL with
``synchronous=FULL``, and a writer takes the write lock at its start (``BEGIN IMMEDIATE``), never half-way.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from colonnade.errors import InvalidArgument, Unavailable, Unsupported

BUSY_SECONDS = 10.0
_ATTEMPTS = 8
_RETRYABLE = frozenset({"40001", "40P01"})  # PostgreSQL: serialization failure, deadlock
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_T = TypeVar("_T")


class Database:
    """A pool of connections. Close it."""

    def __init__(self, url: str, *, busy_seconds: float = BUSY_SECONDS) -> None:
        parsed = _parse(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self._turn = asyncio.Lock()
        self.engine = _sqlite_engine(parsed, busy_seconds) if self.is_sqlite else _server_engine(parsed)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection that sees one snapshot; nothing it changes is kept."""
        with_level = self.engine.execution_options(**self._options(writes=False))
        async with with_level.connect() as connection:
            yield connection

    async def write(self, work: Callable[[AsyncConnection], Awaitable[_T]]) -> _T:
        """Runs ``work`` in one serialisable transaction and commits it, or leaves no trace.

        Against PostgreSQL ``work`` runs again where another transaction came between, so it must change
        nothing but the database. Raises ``Unavailable`` where the database stays locked.
        """
        async with self._turn if self.is_sqlite else _no_turn():  # one process's writers queue fairly here
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    return await self._once(work)
                except DBAPIError as error:
                    if attempt == _ATTEMPTS or not is_retryable(error):
                        raise _as_refusal(error) from error
        raise AssertionError("unreachable")

    async def close(self) -> None:
        await self.engine.dispose()

    async def _once(self, work: Callable[[AsyncConnection], Awaitable[_T]]) -> _T:
        engine = self.engine.execution_options(**self._options(writes=True))
        async with engine.begin() as connection:
            return await work(connection)

    def _options(self, *, writes: bool) -> dict[str, Any]:
        if self.is_sqlite:
            return {"colonnade_begin": "BEGIN IMMEDIATE" if writes else "BEGIN"}
        return {"isolation_level": "SERIALIZABLE" if writes else "REPEATABLE READ"}


def sqlite_url(path: Path) -> str:
    return URL.create("sqlite+aiosqlite", database=str(path)).render_as_string(hide_password=False)


def is_retryable(error: DBAPIError) -> bool:
    """Whether another transaction came between, so that doing the same again may succeed."""
    return getattr(error.orig, "sqlstate", None) in _RETRYABLE


def micros(moment: datetime) -> int:
    """Microseconds since 1970 in UTC, as times are stored: the same on every database, exact, in order."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(stored: int) -> datetime:
    """The time that ``micros`` made ``stored`` of."""
    return _EPOCH + timedelta(microseconds=stored)


def backend_of(url: str) -> str:
    """``sqlite`` or ``postgresql``; ``InvalidArgument`` for a url that no database here has."""
    return _parse(url).get_backend_name()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError) as error:
        raise InvalidArgument(
            "the database url is not one of sqlite+aiosqlite:///path or postgresql+psycopg://host/name",
            field="database_url",
        ) from error
    if parsed.get_backend_name() != "sqlite":
        return parsed
    if not parsed.database or parsed.database == ":memory:":
        raise InvalidArgument("the SQLite url names no file", field="database_url")
    return parsed.set(drivername="sqlite+aiosqlite")


def _sqlite_engine(url: URL, busy_seconds: float) -> AsyncEngine:
    assert url.database  # see _parse
    Path(url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = create_async_engine(url)

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        # The driver must not begin transactions by itself: `begin` below does, with the right lock.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={int(busy_seconds * 1000)}")
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        options = connection.get_execution_options()
        connection.exec_driver_sql(options.get("colonnade_begin", "BEGIN"))

    return engine


def _server_engine(url: URL) -> AsyncEngine:
    try:
        return create_async_engine(url, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise Unsupported(
            f"the driver of {url.drivername} is not installed; `pip install {error.name}`",
            field="database_url",
        ) from error


def _as_refusal(error: DBAPIError) -> Exception:
    """A locked database is a refusal that is worth a retry; everything else stays what it is."""
    if "database is locked" in str(error.orig) or is_retryable(error):
        return Unavailable("the database is busy with other writers; try again", retry_after_seconds=1)
    return error


@asynccontextmanager
async def _no_turn() -> AsyncIterator[None]:
    yield
