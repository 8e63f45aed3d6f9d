"""From a url to a pool of connections, each set up the same way."""

from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from colonnade.errors import InvalidArgument, Unsupported

CONNECTIONS = 10
_CONNECT_SECONDS = 5
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}
_SESSION = "-c lock_timeout=10s -c idle_in_transaction_session_timeout=60s"
"""A writer that hangs holds up the others only for so long."""
_KEEPALIVE = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


def sqlite_url(path: Path) -> str:
    return URL.create("sqlite+aiosqlite", database=str(path)).render_as_string(hide_password=False)


def parse(url: str) -> URL:
    """Raises ``InvalidArgument`` for a url that no database here has."""
    try:
        parsed = make_url(url)
        driver = _DRIVERS.get(parsed.get_backend_name())
    except ArgumentError:
        driver = None
    if driver is None:
        raise InvalidArgument(
            "the database url is not one of sqlite:///path or postgresql://user:password@host/name",
            field="database_url",
        )
    if driver == _DRIVERS["sqlite"] and (not parsed.database or parsed.database == ":memory:"):
        raise InvalidArgument("the SQLite url names no file", field="database_url")
    return parsed.set(drivername=driver)


def engine_of(url: URL, busy_seconds: float, connections: int, *, secure_delete: bool = False) -> AsyncEngine:
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, busy_seconds, secure_delete=secure_delete)
    return _server_engine(url, busy_seconds, connections)


def _sqlite_engine(url: URL, busy_seconds: float, *, secure_delete: bool) -> AsyncEngine:
    assert url.database  # see parse
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
        if secure_delete:
            cursor.execute("PRAGMA secure_delete=ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        options = connection.get_execution_options()
        connection.exec_driver_sql(options.get("colonnade_begin", "BEGIN"))

    return engine


def _server_engine(url: URL, busy_seconds: float, connections: int) -> AsyncEngine:
    """What the url says about the session or the connection counts before what we say."""
    ours = {
        "connect_timeout": _CONNECT_SECONDS,
        "application_name": "colonnade",
        "options": _SESSION,
    } | _KEEPALIVE
    try:
        return create_async_engine(
            url,
            connect_args={name: value for name, value in ours.items() if name not in url.query},
            pool_pre_ping=True,  # a server that was started again has forgotten the connections we know
            pool_size=connections,
            max_overflow=0,
            pool_timeout=busy_seconds,
        )
    except ModuleNotFoundError as error:
        raise Unsupported(
            "the driver of PostgreSQL is not installed; `pip install 'psycopg[binary]'`",
            field="database_url",
        ) from error
