"""One service's SQL database: SQLite on one machine, PostgreSQL on a cluster, through one code path.

Every piece of work is one transaction. ``reading`` sees one snapshot; ``write`` is serialisable: what it
reads is still true when it writes, and what it has returned from is on the disk. On SQLite that is WAL with
``synchronous=FULL``, and a writer takes the write lock at its start (``BEGIN IMMEDIATE``), never half-way.
On PostgreSQL it is ``SERIALIZABLE``, and work that met another transaction runs again.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from sqlalchemy import String, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import ColonnadeError
from colonnade.errors.backoff import backoff
from colonnade.storage.sql_engines import CONNECTIONS, engine_of, parse, sqlite_url
from colonnade.storage.sql_refusals import Refusals, is_retryable, met_another
from colonnade.telemetry import get_logger

__all__ = [
    "BUSY_SECONDS", "CONNECTIONS", "Database", "backend_of", "by_code_point", "is_retryable", "micros",
    "moment_of", "sqlite_url",
]  # fmt: skip

BUSY_SECONDS = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.002, 0.2
_MEETINGS = 20
"""How often what was to be new may have come from another process a moment before: writers of several
processes that number the same thing meet again and again. What stays taken is refused in the end."""
_ADVISORY_LOCK = 0x636F6C6F  # any number that is ours on a PostgreSQL database
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOG = get_logger(__name__)
_T = TypeVar("_T")


class Database:
    """A pool of connections. Close it."""

    def __init__(
        self,
        url: str,
        *,
        busy_seconds: float = BUSY_SECONDS,
        connections: int = CONNECTIONS,
        setting: str = "database_url",
        secure_delete: bool = False,
    ) -> None:
        """``connections`` is how many to a server there are at most; ``setting`` is what refusals name;
        ``secure_delete`` overwrites what is deleted from a SQLite file, so that free pages do not keep it."""
        parsed = parse(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self._turn = asyncio.Lock()
        self._busy_seconds = busy_seconds
        self._refusals = Refusals(setting, connections, server=not self.is_sqlite)
        self._away = False
        self.written: Callable[[], None] = lambda: None
        """Called after each commit of a ``write`` here."""
        self.engine = engine_of(parsed, busy_seconds, connections, secure_delete=secure_delete)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection that sees one snapshot; nothing it changes is kept.

        Raises ``Unavailable`` where the database cannot be reached."""
        with_level = self.engine.execution_options(**self._options(writes=False))
        try:
            async with with_level.connect() as connection:
                yield connection
        except (DBAPIError, NoConnectionFree) as error:
            raise self._refusal(error) from error
        self._is_back()

    async def write(self, work: Callable[[AsyncConnection], Awaitable[_T]], *, alone: bool = False) -> _T:
        """Runs ``work`` in one serialisable transaction and commits it, or leaves no trace.

        Where another transaction came between ``work`` runs again, so it must change nothing but the
        database. ``alone`` is for work that changes tables: one at a time, whichever process it is of, each
        sees what the one before has left. Who is cancelled meanwhile goes once the transaction has ended, and
        may have written. Raises ``Unavailable`` where the database stays locked, or cannot be reached; what a
        connection broke off at its very end may have been written all the same.
        """
        deadline = time.monotonic() + self._busy_seconds
        for attempt in count():
            try:
                async with self._queue(attempt):
                    result = await _to_its_end(self._once(work, alone), self._busy_seconds)
                self._is_back()
                self.written()
                return result
            except (DBAPIError, NoConnectionFree) as error:
                if not self._worth_another(error, attempt) or time.monotonic() > deadline:
                    raise self._refusal(error) from error
            pause = backoff(attempt + 1, first=_FIRST_PAUSE, longest=_LONGEST_PAUSE)
            await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - so that two do not meet again
        raise AssertionError("unreachable")

    async def check(self) -> None:
        """Raises ``Unavailable`` where there is no server that lets us in."""
        async with self.reading():
            pass

    async def close(self) -> None:
        await self.engine.dispose()

    def _queue(self, attempt: int) -> AbstractAsyncContextManager[object]:
        """One process's writers queue fairly for SQLite's lock; on a server only those who met another."""
        return self._turn if self.is_sqlite or attempt else nullcontext()

    def _worth_another(self, error: Exception, attempt: int) -> bool:
        return is_retryable(error) or (attempt < _MEETINGS and not self.is_sqlite and met_another(error))

    async def _once(self, work: Callable[[AsyncConnection], Awaitable[_T]], alone: bool) -> _T:
        engine = self.engine.execution_options(**self._options(writes=True, alone=alone))
        async with engine.begin() as connection:
            if alone and not self.is_sqlite:
                await connection.execute(text("SET LOCAL lock_timeout = 0"))
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            return await work(connection)

    def _options(self, *, writes: bool, alone: bool = False) -> dict[str, Any]:
        if self.is_sqlite:
            return {"colonnade_begin": "BEGIN IMMEDIATE" if writes else "BEGIN"}
        if alone:  # a serialisable snapshot is taken before the lock is: it would show what was there before
            return {"isolation_level": "READ COMMITTED"}
        return {"isolation_level": "SERIALIZABLE" if writes else "REPEATABLE READ"}

    def _refusal(self, error: Exception) -> Exception:
        refusal = self._refusals.of(error)
        if isinstance(refusal, ColonnadeError) and refusal.details.get("field") and not self._away:
            self._away = True
            _LOG.warning("the database is away", reason=str(getattr(error, "orig", error)).strip())
        return refusal

    def _is_back(self) -> None:
        if self._away:
            self._away = False
            _LOG.info("the database is back")


async def _to_its_end(transaction: Coroutine[Any, Any, _T], seconds: float) -> _T:
    """A transaction that is cancelled half-way would leave its connection, and with it the lock, to whenever
    somebody collects it: so it ends first, one way or the other, unless it takes longer than ``seconds``."""
    task = asyncio.create_task(transaction)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=seconds)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)  # nobody is there to be told
        raise


def by_code_point(length: int) -> String:
    """A text that sorts by its characters' numbers on every database, whatever a server's language is."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def backend_of(url: str) -> str:
    """``sqlite`` or ``postgresql``; ``InvalidArgument`` for a url that no database here has."""
    return parse(url).get_backend_name()


def micros(moment: datetime) -> int:
    """Microseconds since 1970 in UTC, as times are stored: the same on every database, exact, in order."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(stored: int) -> datetime:
    """The time that ``micros`` made ``stored`` of."""
    return _EPOCH + timedelta(microseconds=stored)
