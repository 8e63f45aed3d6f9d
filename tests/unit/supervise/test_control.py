"""The control socket: who may speak, what it understands, what it answers to nonsense."""

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncIterator
from typing import Any

import pytest

from colonnade.errors import InvalidArgument, NotFound, Unavailable
from colonnade.supervise.control import MAX_LINE, ControlServer, peer_uid
from colonnade.supervise.home import Home
from colonnade.supervise.remote import Remote
from colonnade.supervise.states import PlatformStatus, ServiceStatus, State

STATUS = PlatformStatus(
    1, "http://127.0.0.1:1", 2.0, False, (ServiceStatus("engine", State.READY, "unix:/x", 7, 1.0),)
)


class FakeSupervisor:
    def __init__(self) -> None:
        self.restarted: list[str] = []
        self.stopped = asyncio.Event()

    def status(self) -> PlatformStatus:
        return STATUS

    def stop(self) -> None:
        self.stopped.set()

    async def restart(self, service: str) -> None:
        if service != "engine":
            raise NotFound(f"there is no service {service!r}", field="service")
        self.restarted.append(service)


@pytest.fixture
async def supervisor(home: Home) -> AsyncIterator[FakeSupervisor]:
    fake = FakeSupervisor()
    async with ControlServer(home.control, fake):
        yield fake


async def test_status_travels_whole(home: Home, supervisor: FakeSupervisor) -> None:
    assert await asyncio.to_thread(Remote(home).status) == STATUS
    assert STATUS.ready


async def test_restart(home: Home, supervisor: FakeSupervisor) -> None:
    await asyncio.to_thread(Remote(home).restart, "engine")
    assert supervisor.restarted == ["engine"]
    with pytest.raises(NotFound, match="oven") as refused:
        await asyncio.to_thread(Remote(home).restart, "oven")
    assert refused.value.details["field"] == "service"


async def test_stop_returns_when_the_supervisor_is_gone(home: Home) -> None:
    fake = FakeSupervisor()
    async with ControlServer(home.control, fake):
        stopping = asyncio.create_task(asyncio.to_thread(Remote(home).stop))
        await asyncio.wait_for(fake.stopped.wait(), 10)
        assert not stopping.done()
    await asyncio.wait_for(stopping, 10)
    assert not home.control.exists()


async def test_nobody_there(home: Home) -> None:
    with pytest.raises(Unavailable, match="colonnade up"):
        Remote(home).status()
    home.control.touch()
    with pytest.raises(Unavailable, match="colonnade up"):
        Remote(home).status()


async def test_only_the_owner_can_reach_it(home: Home, supervisor: FakeSupervisor) -> None:
    assert stat.S_IMODE(home.control.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.run.stat().st_mode) == 0o700


async def test_another_user_is_refused(
    home: Home, supervisor: FakeSupervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("colonnade.supervise.control.peer_uid", lambda connection: os.geteuid() + 4242)
    answer = await _say(home, b'{"command": "stop"}\n')
    assert answer["error"]["code"] == "permission_denied"
    assert not supervisor.stopped.is_set()


def test_the_kernel_tells_the_peer() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert peer_uid(one) in (os.geteuid(), None)


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense\n",
        b"[]\n",
        b"{}\n",
        b'{"command": "explode"}\n',
        b'{"command": ["status"]}\n',
        b"\xff\xfe\n",
        b"\n",
        b"",
        b"[" * 60_000 + b"\n",
        b"x" * (MAX_LINE + 10) + b"\n",
    ],
)
async def test_nonsense_is_refused_and_the_next_request_works(
    home: Home, supervisor: FakeSupervisor, line: bytes
) -> None:
    answer = await _say(home, line)
    assert answer["ok"] is False
    assert answer["error"]["code"] == InvalidArgument.code
    assert await asyncio.to_thread(Remote(home).status) == STATUS


async def test_a_caller_that_leaves_early_disturbs_nobody(home: Home, supervisor: FakeSupervisor) -> None:
    _, writer = await asyncio.open_unix_connection(str(home.control))
    writer.write(b'{"comm')
    writer.close()
    assert await asyncio.to_thread(Remote(home).status) == STATUS


async def _say(home: Home, line: bytes) -> dict[str, Any]:
    reader, writer = await asyncio.open_unix_connection(str(home.control))
    try:
        writer.write(line)
        writer.write_eof()
        answer: dict[str, Any] = json.loads(await reader.read())
        return answer
    finally:
        writer.close()


async def test_its_end_is_clean_while_somebody_waits_for_it(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    fake = FakeSupervisor()
    async with ControlServer(home.control, fake):
        idle = await asyncio.open_unix_connection(str(home.control))
        reader, writer = await asyncio.open_unix_connection(str(home.control))
        writer.write(b'{"command": "stop"}\n')
        assert b"true" in await reader.readline()
    assert await reader.read() == b""
    writer.close()
    idle[1].close()
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
