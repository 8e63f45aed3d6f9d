"""What is checked before anything starts: a mistake costs one clear line and no half-started platform."""

import errno
import fcntl
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from colonnade.errors import Conflict, InvalidArgument
from colonnade.security.network import is_loopback
from colonnade.supervise.home import Home
from colonnade.supervise.topology import ServiceSpec

_PATIENCE_SECONDS = 0.3
_CHECK_SECONDS = 30.0


def check_ports(specs: Iterable[ServiceSpec]) -> None:
    """Raises ``Conflict`` for a port that somebody else has, ``InvalidArgument`` for one we may not have."""
    for spec in specs:
        for port in spec.ports:
            if (problem := port_problem(spec.host, port)) is None:
                continue
            if problem == errno.EACCES:
                raise InvalidArgument(
                    f"port {port} is reserved for root; choose one above 1023 for the {spec.name}",
                    field="port",
                    limit=1024,
                )
            raise Conflict(
                f"port {port}, which the {spec.name} needs, is in use by another program; {_remedy(spec)}",
                field="port",
                port=port,
            )


def _remedy(spec: ServiceSpec) -> str:
    if spec.name == "gateway":
        return "stop that program, or choose another port with --port"
    if spec.name == "console":
        return "choose another port with --console-port, or leave the console out with --no-console"
    variable = f"COLONNADE_{spec.name.upper()}_METRICS_PORT"
    return f"stop that program, or set {variable} to another port (0 is no metrics)"


def port_problem(host: str, port: int) -> int | None:
    """The errno that binding gives; None where it works."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # or closed connections would count
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno or errno.EADDRINUSE
    return None


def check_open(specs: Iterable[ServiceSpec]) -> None:
    """Asks a gateway that other machines are to reach whether it would start: without a key it would not.

    It alone knows its keys. Raises ``InvalidArgument`` in its words.
    """
    for spec in specs:
        if spec.name != "gateway" or is_loopback(spec.host):
            continue
        said = _refusal(spec)
        if said:
            raise InvalidArgument(said.removeprefix(f"{spec.name}: "), field="host")


def _refusal(spec: ServiceSpec) -> str:
    """The last line of ``--check``; empty where nothing is wrong, or nothing was said in time."""
    try:
        asked = subprocess.run(  # noqa: S603 - the command that is about to be started
            [*spec.command, "--check"],
            env=dict(spec.env),
            check=False,
            capture_output=True,
            text=True,
            timeout=_CHECK_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return ""  # it says it again when it starts
    lines = asked.stderr.strip().splitlines()
    return (lines or ["the gateway would not start"])[-1] if asked.returncode else ""


@contextmanager
def locked(home: Home) -> Iterator[None]:
    """Holds the home's lock, with our pid in it. The kernel lets go of it when we die, however we die.

    Raises ``Conflict`` where another supervisor has it.
    """
    descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _lock(descriptor):
            pid = holder(home)
            raise Conflict(
                f"a platform is running in this home already{f' (pid {pid})' if pid else ''}; "
                "see it with: colonnade status; end it with: colonnade down; or choose another with --home",
                field="COLONNADE_HOME",
                pid=pid,
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid()}).encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Tries for a moment: a ``status`` that looks who holds the lock holds it itself for that long."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        else:
            return True


def holder(home: Home) -> int | None:
    """The pid of the supervisor that holds the lock; None where nobody does."""
    try:
        with home.lock.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _pid_in(home.lock)
    except OSError:
        pass
    return None


def _pid_in(path: Path) -> int | None:
    try:
        return int(json.loads(path.read_text())["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
