"""The supervisor's one door: an owner-only unix socket that speaks JSON lines.

A request is one line, ``{"command": "status" | "stop" | "restart", "service"?: name}``; the answer is
one line, ``{"ok": true, ...}`` or ``{"ok": false, "error": {"code", "message", "details"}}``. After ``stop``
the connection stays open and ends when the supervisor has: who waits for the end of the platform waits for
the end of the stream.
"""

import asyncio
import json
import logging
import os
import socket
import struct
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from colonnade.errors import ColonnadeError, InvalidArgument, PermissionDenied, error_of
from colonnade.supervise.states import PlatformStatus

MAX_LINE = 64 * 1024
_REQUEST_SECONDS = 5.0
_log = logging.getLogger(__name__)


class Controlled(Protocol):
    """What the socket can do to a supervisor."""

    def status(self) -> PlatformStatus: ...
    def stop(self) -> None: ...
    async def restart(self, service: str) -> None: ...


class ControlServer:
    """Serves while entered; a stale socket at ``path`` is replaced, so enter it with the home's lock held."""

    def __init__(self, path: Path, controlled: Controlled) -> None:
        self._path = path
        self._controlled = controlled
        self._conversations: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def __aenter__(self) -> Self:
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)  # the socket is never, not even for a moment, anyone else's
        try:
            listener.bind(str(self._path))
        finally:
            os.umask(before)
        self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=MAX_LINE)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self._path.unlink(missing_ok=True)
        for writer in self._conversations.values():
            writer.close()
        if self._conversations:
            await asyncio.wait(tuple(self._conversations), timeout=_REQUEST_SECONDS)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._conversations[task] = writer
        try:
            request = await _read_request(reader)
            _check_peer(
                writer.get_extra_info("socket")
            )  # after reading: unread bytes would break our answer off
            answer = await self._answer(request)
            await _send(writer, {"ok": True} | answer)
            if request["command"] == "stop":
                await reader.read()  # until the caller leaves, or we do
        except ColonnadeError as error:
            with suppress(OSError):
                await _send(writer, refusal(error))
        except OSError:
            pass  # the caller left
        finally:
            del self._conversations[task]
            writer.close()

    async def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        match request.get("command"):
            case "status":
                return {"status": self._controlled.status().to_json()}
            case "stop":
                _log.info("stop asked for on the control socket")
                self._controlled.stop()
                return {}
            case "restart":
                await self._controlled.restart(str(request.get("service")))
                return {}
            case unknown:
                raise InvalidArgument(
                    f"unknown command {unknown!r}; known are status, stop and restart", field="command"
                )


def refusal(error: ColonnadeError) -> dict[str, Any]:
    """What the supervisor answers instead of ``{"ok": true, ...}``."""
    return {"ok": False, "error": {"code": error.code, "message": error.message, "details": error.details}}


def accepted(line: bytes) -> dict[str, Any]:
    """The supervisor's answer on a line; raises the refusal that it may be."""
    answer: dict[str, Any] = json.loads(line)
    if not answer["ok"]:
        error = answer["error"]
        raise error_of(error["code"], error["message"], error["details"])
    return answer


async def _read_request(reader: asyncio.StreamReader) -> dict[str, Any]:
    try:
        line = await asyncio.wait_for(reader.readline(), _REQUEST_SECONDS)
        request = json.loads(line)
    except TimeoutError as error:
        raise InvalidArgument("no request came; send one line of JSON", limit=_REQUEST_SECONDS) from error
    except (ValueError, RecursionError) as error:  # too long, not JSON, not UTF-8, absurdly nested
        raise InvalidArgument(
            f"a request is one line of JSON of at most {MAX_LINE} bytes", limit=MAX_LINE
        ) from error
    if not isinstance(request, dict):
        raise InvalidArgument('a request is a JSON object such as {"command": "status"}')
    return request


async def _send(writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
    writer.write(json.dumps(message).encode() + b"\n")
    await writer.drain()


def _check_peer(connection: socket.socket) -> None:
    """Belt to the braces of the folder's permissions: the kernel says who is on the other end."""
    uid = peer_uid(connection)
    if uid is not None and uid not in (os.geteuid(), 0):
        _log.warning("refused a connection of uid %d to the control socket", uid)
        raise PermissionDenied("only the user who started the platform may control it")


def peer_uid(connection: socket.socket) -> int | None:
    """The user on the other end of a unix socket; None on systems that do not tell in this way."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    credentials = connection.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i"))
    _pid, uid, _gid = struct.unpack("3i", credentials)
    return int(uid)
