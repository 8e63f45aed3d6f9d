"""Keeps one process running: starts it, asks how it is, starts it again when it ended or hangs."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from colonnade.supervise import stale
from colonnade.supervise.home import Home
from colonnade.supervise.logfile import RotatingLog
from colonnade.supervise.policy import RestartPolicy
from colonnade.supervise.probe import Health
from colonnade.supervise.process import Process, spawn
from colonnade.supervise.states import ServiceStatus, State
from colonnade.supervise.topology import ServiceSpec

_log = logging.getLogger(__name__)
Check = Callable[[float], Awaitable[Health]]


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often a process is asked, and when it counts as lost."""

    starting_seconds: float = 0.1
    """Between questions until it is ready: a start should be noticed at once."""
    steady_seconds: float = 2.0
    answer_seconds: float = 5.0
    """Generous: on a laptop the engine has every core busy."""
    misses: int = 6
    """That many unanswered questions in a row mean that it hangs."""
    kill_seconds: float = 5.0
    """Grace for a process that hangs."""


class Watch:
    """One service under the supervisor. ``run`` is its task; everything else may be called beside it."""

    def __init__(
        self,
        spec: ServiceSpec,
        home: Home,
        *,
        policy: RestartPolicy | None = None,
        rhythm: Rhythm | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.spec = spec
        self._home = home
        self._policy = policy or RestartPolicy()
        self._rhythm = rhythm or Rhythm()
        self._clock = clock
        self._output = RotatingLog(home.log(spec.name))
        self._process: Process | None = None
        self._state = State.PENDING
        self._reason = ""
        self._verdict = ""
        """Why the watch itself gave up on the present process."""
        self._last_exit = ""
        self._starts = 0
        self._retry_at: float | None = None
        self._stopping = False
        self._wake = asyncio.Event()
        """Set to cut a pause short: to stop, or because somebody asked for a restart."""

    async def run(self) -> None:
        """Until ``stop``: start, watch, pause, again."""
        try:
            while not self._stopping:
                await self._one_life()
                if not self._stopping:
                    await self._pause()
        finally:
            self._state = State.STOPPED
            self._output.close()

    async def stop(self) -> None:
        """Ends the process within its grace period, and ``run`` with it."""
        self._stopping = True
        self._wake.set()
        if self._process is not None:
            self._state = State.STOPPING
            await self._process.stop(self.spec.grace_seconds)

    def kill(self) -> None:
        """Cuts a grace period short."""
        if self._process is not None:
            self._process.kill()

    async def restart(self) -> None:
        """Ends the process gracefully; ``run`` starts it again at once."""
        self._policy.forgive()
        self._wake.set()
        if self._process is not None:
            self._state, self._reason = State.STOPPING, "restart asked for"
            await self._process.stop(self.spec.grace_seconds)

    def status(self) -> ServiceStatus:
        process = self._process
        return ServiceStatus(
            name=self.spec.name,
            state=self._state,
            address=self.spec.address,
            pid=process.pid if process else None,
            uptime_seconds=round(self._clock() - process.started, 1) if process else None,
            restarts=max(0, self._starts - 1),
            memory_bytes=process.memory_bytes() if process else None,
            reason=self._reason,
            last_exit=self._last_exit,
            retry_in_seconds=round(max(0.0, self._retry_at - self._clock()), 1) if self._retry_at else None,
        )

    async def _one_life(self) -> None:
        self._wake.clear()
        if self.spec.socket is not None:
            self.spec.socket.unlink(missing_ok=True)
        self._state, self._retry_at = State.STARTING, None
        self._starts += 1
        self._policy.started()
        self._verdict = ""
        try:
            process = spawn(self.spec.command, self.spec.env, self._home.root, self._output)
        except OSError as error:
            self._last_exit = f"could not be started: {error.strerror}"
            return
        self._process = process
        stale.remember(self._home, self.spec.name, process.pid)
        _log.info("%s started (pid %d)", self.spec.name, process.pid)
        doctor = asyncio.create_task(self._attend(process), name=f"probe {self.spec.name}")
        try:
            end = await process.wait()
        finally:
            doctor.cancel()
            with suppress(asyncio.CancelledError):
                await doctor
            self._process = None
            stale.forget(self._home, self.spec.name)
        self._last_exit = str(end)
        _log.info("%s ended: %s", self.spec.name, end)

    async def _pause(self) -> None:
        if self._wake.is_set():  # the restart was asked for
            return
        seconds = self._policy.ended(self._clock())
        self._state = State.CRASH_LOOP if self._policy.looping else State.BACKING_OFF
        self._reason = self._verdict or self._last_exit
        self._retry_at = self._clock() + seconds
        _log.warning("%s: %s; starting it again in %.1f s", self.spec.name, self._reason, seconds)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)

    async def _attend(self, process: Process) -> None:
        """Asks until the process ends; ends it itself when it does not answer any more."""
        probe = self.spec.probe.open()
        try:
            verdict = await self._ask_until_lost(probe.check)
        finally:
            await probe.close()
        if self._state is not State.STOPPING:
            self._verdict = self._reason = verdict
            _log.error("%s: %s; ending it", self.spec.name, verdict)
            await process.stop(self._rhythm.kill_seconds)

    async def _ask_until_lost(self, check: Check) -> str:
        """Returns why the process is given up."""
        deadline = self._clock() + self.spec.start_seconds
        answered = False
        misses = 0
        while True:
            health = await check(self._rhythm.answer_seconds)
            answered = answered or health.alive
            misses = 0 if health.alive else misses + 1
            if health.alive or misses > 1:  # one late answer on a busy machine says nothing
                self._take_in(health)
            if answered and misses >= self._rhythm.misses:
                return f"{health.reason} ({misses} times in a row)"
            if not answered and self._clock() > deadline:
                return f"{health.reason} within {self.spec.start_seconds:.0f} s of its start"
            pause = self._rhythm.steady_seconds if health.ready else self._rhythm.starting_seconds
            await asyncio.sleep(pause if health.alive or not answered else self._rhythm.steady_seconds)

    def _take_in(self, health: Health) -> None:
        if self._state is State.STOPPING:
            return
        if health.ready:
            if self._state is not State.READY:
                _log.info("%s is ready", self.spec.name)
            self._state, self._reason = State.READY, ""
            self._policy.ready(self._clock())
            return
        self._policy.unready()
        if self._state in (State.READY, State.UNREADY):
            self._state = State.UNREADY
        self._reason = health.reason
