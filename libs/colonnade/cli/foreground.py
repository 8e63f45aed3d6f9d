"""Runs the platform for ``colonnade up``: attached to the terminal, or in the background."""

import asyncio
import sys
from contextlib import suppress

from colonnade.cli.down import tell_of_runs
from colonnade.cli.failures import show
from colonnade.cli.guide import Guide
from colonnade.cli.terminal import remark
from colonnade.cli.welcome import welcome
from colonnade.errors import ColonnadeError
from colonnade.supervise.console import Console
from colonnade.supervise.detach import start_detached
from colonnade.supervise.engines import Engines
from colonnade.supervise.home import Home
from colonnade.supervise.remote import Remote
from colonnade.supervise.supervisor import Supervisor
from colonnade.supervise.topology import platform


async def run_attached(
    home: Home, host: str, port: int, *, wants_model: bool, engines: Engines, console: Console | None = None
) -> bool:
    """The supervisor is this process: its end, of whatever kind, is the platform's. False: no start."""
    specs = platform(home, host=host, port=port, engines=engines, console=console)
    url = specs[-1].address
    supervisor = Supervisor(home, specs, url=url)
    supervisor.stop_on_signals()
    started = asyncio.Event()
    running = asyncio.create_task(supervisor.run(started.set))
    guide = asyncio.create_task(
        _guide(started, Guide(home, url, supervisor.status), home, wants_model, console)
    )
    telling = asyncio.create_task(_tell_the_end(supervisor))
    try:
        await asyncio.wait({running, guide, telling}, return_when=asyncio.FIRST_COMPLETED)
        started_well = not guide.done() or guide.result()
        if not started_well:
            supervisor.stop()
        if telling.done():
            guide.cancel()  # there is nothing left to lead to
        await running
    finally:
        for task in (guide, telling):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    tell_of_runs(home)
    return started_well


async def run_detached(
    home: Home, host: str, port: int, *, wants_model: bool, engines: Engines, console: Console | None = None
) -> bool:
    start_detached(home, host=host, port=port, engines=engines, console=console)
    remote = Remote(home)
    url = remote.status().url
    guide = Guide(home, url, remote.status)
    try:
        await guide.lead(wants_model)
    except ColonnadeError as error:
        show(error)
        remark("Stopping ...")
        remote.stop()
        return False
    except asyncio.CancelledError:
        remark("The platform goes on in the background; stop it with: colonnade down")
        raise
    sys.stdout.write(welcome(home, url, detached=True, with_key=guide.keys_required, console=console))
    return guide.answers


async def _guide(
    started: asyncio.Event, guide: Guide, home: Home, wants_model: bool, console: Console | None
) -> bool:
    await started.wait()
    try:
        await guide.lead(wants_model)
    except ColonnadeError as error:
        show(error)
        return False
    sys.stdout.write(welcome(home, guide.url, detached=False, with_key=guide.keys_required, console=console))
    sys.stdout.flush()
    return True


async def _tell_the_end(supervisor: Supervisor) -> None:
    await supervisor.asked_to_stop()
    remark("Stopping; running answers are finished first (again to stop at once) ...")
