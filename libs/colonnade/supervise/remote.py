"""Talks to the supervisor of a home. Plain blocking sockets: the command asks one thing and is done."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from colonnade.errors import Unavailable
from colonnade.supervise.control import accepted
from colonnade.supervise.home import Home
from colonnade.supervise.states import PlatformStatus


class Remote:
    """Calls raise ``Unavailable`` where no supervisor answers, and otherwise what the supervisor raised."""

    def __init__(self, home: Home, *, seconds: float = 10.0) -> None:
        self._home = home
        self._seconds = seconds

    def status(self) -> PlatformStatus:
        with self._ask({"command": "status"}) as (answer, _):
            return PlatformStatus.from_json(answer["status"])

    def restart(self, service: str, *, seconds: float = 90.0) -> None:
        """Returns when the old process has ended; ask ``status`` for the new one."""
        with self._ask({"command": "restart", "service": service}, seconds):
            pass

    def stop(self, *, seconds: float = 180.0) -> None:
        """Returns when everything has stopped. ``TimeoutError`` where that takes longer."""
        with self._ask({"command": "stop"}, seconds) as (_, stream):
            stream.read()

    @contextmanager
    def _ask(
        self, request: dict[str, Any], seconds: float | None = None
    ) -> Iterator[tuple[dict[str, Any], BinaryIO]]:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(seconds or self._seconds)
            try:
                connection.connect(str(self._home.control))
                connection.sendall(json.dumps(request).encode() + b"\n")
                stream = connection.makefile("rb")
                line = stream.readline()
            except TimeoutError as error:
                raise Unavailable(
                    "the supervisor does not answer; end it and all its services with: colonnade down --force"
                ) from error
            except OSError as error:
                raise _nobody() from error
            with stream:
                if not line:
                    raise _nobody()
                yield accepted(line), stream


def _nobody() -> Unavailable:
    return Unavailable("no platform is running in this home; start it with: colonnade up")
