"""Services small enough to start in a few milliseconds, and a supervisor that asks them often."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colonnade.supervise.home import Home
from colonnade.supervise.policy import RestartPolicy
from colonnade.supervise.probe import Health
from colonnade.supervise.supervisor import Supervisor
from colonnade.supervise.topology import ServiceSpec
from colonnade.supervise.watch import Rhythm, Watch

_FAKE = Path(__file__).with_name("fake_service.py")


@dataclass(frozen=True)
class SocketHealth:
    """Asks a fake service: it answers "ready" or "alive" to whoever connects."""

    path: Path

    def open(self) -> "SocketHealth":
        return self

    async def check(self, seconds: float) -> Health:
        try:
            async with asyncio.timeout(seconds):
                reader, writer = await asyncio.open_unix_connection(str(self.path))
                try:
                    answer = (await reader.read()).decode()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return Health(False, False, "does not answer")
        return Health(True, answer == "ready", "" if answer == "ready" else "says it is not ready")

    async def close(self) -> None:
        pass


def fake_spec(home: Home, name: str, *arguments: str, **fields: Any) -> ServiceSpec:
    """``fake_spec(home, "engine", "--hang", stop_rank=2)``."""
    socket = home.socket(name)
    command = (sys.executable, "-I", "-S", str(_FAKE), "--name", name, "--folder", str(home.root))
    defaults: dict[str, Any] = {
        "name": name,
        "command": (*command, *arguments),
        "probe": SocketHealth(socket),
        "address": f"unix:{socket}",
        "env": {"PATH": "/usr/bin:/bin", "COLONNADE_HOME": str(home.root)},
        "grace_seconds": 10.0,
        "start_seconds": 10.0,
        "socket": socket,
    }
    return ServiceSpec(**(defaults | fields))


def quick_watch(spec: ServiceSpec, home: Home, *, answer_seconds: float = 5.0) -> Watch:
    return Watch(
        spec,
        home,
        policy=RestartPolicy(base_seconds=0.01, limit_seconds=0.05, stable_seconds=30, loop_after=3),
        rhythm=Rhythm(0.01, 0.02, answer_seconds, misses=3, kill_seconds=0.2),
    )


@asynccontextmanager
async def running(
    home: Home, *specs: ServiceSpec, watch: Callable[[ServiceSpec, Home], Watch] = quick_watch
) -> AsyncIterator[Supervisor]:
    """A supervisor whose services are all ready, stopped in the end."""
    supervisor = Supervisor(home, specs, url="http://fake", watch=watch)
    started = asyncio.Event()
    task = asyncio.create_task(supervisor.run(started.set))
    try:
        done, _ = await asyncio.wait(
            {task, waiting := asyncio.create_task(started.wait())}, return_when=asyncio.FIRST_COMPLETED
        )
        waiting.cancel()
        if task in done:
            await task
        yield supervisor
    finally:
        if not task.done():
            supervisor.stop()
        await task


async def eventually(condition: Callable[[], Any], what: str = "", seconds: float = 20.0) -> Any:
    """Waits for the state of another process, which sends no events."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.005)
        if isinstance(value, Awaitable):
            raise TypeError("the condition must not be a coroutine")
    return value
