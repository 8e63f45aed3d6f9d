"""The supervisor of one home: starts everything, keeps it running, and ends it in order."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Sequence
from itertools import groupby

from colonnade.errors import Conflict, NotFound
from colonnade.supervise import preflight, stale
from colonnade.supervise.control import ControlServer
from colonnade.supervise.home import Home
from colonnade.supervise.logfile import LogHandler, RotatingLog
from colonnade.supervise.states import PlatformStatus
from colonnade.supervise.topology import ServiceSpec
from colonnade.supervise.watch import Watch

_log = logging.getLogger(__name__)


class Supervisor:
    """``run`` it on the main thread. ``stop`` ends everything gracefully, a second ``stop`` at once."""

    def __init__(
        self,
        home: Home,
        specs: Sequence[ServiceSpec],
        *,
        url: str = "",
        watch: Callable[[ServiceSpec, Home], Watch] = Watch,
    ) -> None:
        self._home = home
        self._specs = tuple(specs)
        self._url = url
        self._make_watch = watch
        self._watches: dict[str, Watch] = {}
        self._stop = asyncio.Event()
        self._started = time.monotonic()

    async def run(self, on_start: Callable[[], None] = lambda: None) -> None:
        """Until ``stop``. ``on_start`` is called once nothing stands in the way and the socket answers.

        Raises ``Conflict``, ``InvalidArgument`` or ``PermissionDenied`` before anything was started.
        """
        self._home.prepare()
        with preflight.locked(self._home):
            handler = self._log_to_file()
            try:
                await stale.sweep(self._home)
                preflight.check_ports(self._specs)
                await asyncio.to_thread(preflight.check_open, self._specs)
                async with ControlServer(self._home.control, self):
                    _log.info("supervisor started (pid %d)", os.getpid())
                    await self._run_watches(on_start)
            finally:
                logging.getLogger("colonnade").removeHandler(handler)
                handler.close()

    def stop(self) -> None:
        """Ends all services in order; called again, without waiting for what still runs."""
        if self._stop.is_set():
            _log.warning("asked again to stop: ending everything at once")
            for watch in self._watches.values():
                watch.kill()
        self._stop.set()

    async def asked_to_stop(self) -> None:
        """Returns when ``stop`` was first called."""
        await self._stop.wait()

    def stop_on_signals(self) -> None:
        """SIGTERM, Ctrl-C and a closed terminal end the platform (the last not under ``nohup``)."""
        loop = asyncio.get_running_loop()
        ends = [signal.SIGTERM, signal.SIGINT]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            ends.append(signal.SIGHUP)
        for number in ends:
            loop.add_signal_handler(number, self.stop)

    async def restart(self, service: str) -> None:
        """Raises ``NotFound`` for a service that is not here, ``Conflict`` while everything stops."""
        watch = self._watches.get(service)
        if watch is None:
            raise NotFound(
                f"there is no service {service!r}; there are: {', '.join(self._watches)}", field="service"
            )
        if self._stop.is_set():
            raise Conflict("the platform is stopping; start it again with: colonnade up")
        _log.info("restart of %s asked for", service)
        await watch.restart()

    def status(self) -> PlatformStatus:
        return PlatformStatus(
            pid=os.getpid(),
            url=self._url,
            uptime_seconds=round(time.monotonic() - self._started, 1),
            stopping=self._stop.is_set(),
            services=tuple(watch.status() for watch in self._watches.values()),
        )

    async def _run_watches(self, on_start: Callable[[], None]) -> None:
        self._watches = {spec.name: self._make_watch(spec, self._home) for spec in self._specs}
        tasks = {
            asyncio.create_task(watch.run(), name=f"watch {name}") for name, watch in self._watches.items()
        }
        on_start()
        stopped = asyncio.create_task(self._stop.wait())
        try:
            # A watch ends only when told to; if one fails by a fault of ours, nothing goes on unwatched.
            await asyncio.wait({stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            self._stop.set()
            await self._stop_in_order()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _stop_in_order(self) -> None:
        _log.info("stopping")
        by_rank = sorted(self._watches.values(), key=lambda watch: watch.spec.stop_rank)
        for _, together in groupby(by_rank, key=lambda watch: watch.spec.stop_rank):
            await asyncio.gather(*(watch.stop() for watch in together))
        _log.info("everything has stopped")

    def _log_to_file(self) -> logging.Handler:
        handler = LogHandler(RotatingLog(self._home.log("supervisor")))
        logger = logging.getLogger("colonnade")
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        return handler
