"""Leads from "started" to "answers": the services get ready, the first model comes, it says a word."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from colonnade.cli.failures import show
from colonnade.cli.importing import showing
from colonnade.cli.terminal import err, remark
from colonnade.errors import (
    ColonnadeError,
    Overloaded,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)
from colonnade.storage.bundled import DEFAULT, MINILM, PREFIX
from colonnade.supervise.home import Home
from colonnade.supervise.logfile import tail
from colonnade.supervise.states import PlatformStatus, State

if TYPE_CHECKING:
    from colonnade.client import AsyncColonnade

_READY_SECONDS = 240.0
_ANSWER_SECONDS = 180.0
_LOOK_SECONDS = 0.1
_TAIL_LINES = 12


class Guide:
    """``status`` says how the services are."""

    def __init__(self, home: Home, url: str, status: Callable[[], PlatformStatus]) -> None:
        self._home = home
        self.url = url
        self._status = status
        self.keys_required = bool(os.environ.get("COLONNADE_API_KEY"))
        self.answers = True
        """False where a model should answer and does not; the platform runs all the same."""

    async def lead(self, wants_model: bool) -> None:
        """Raises what keeps the platform from starting; trouble with the model is told, no reason to stop."""
        await self._until_ready()
        from colonnade.client import AsyncColonnade  # after the services: they need the processor now

        async with AsyncColonnade(self.url, timeout=_ANSWER_SECONDS) as client:
            try:
                known = await client.models.list()
                first = not known and wants_model
                if first:
                    await self._import(client, DEFAULT)
                if known or wants_model:
                    await self._first_word(client)
                if first:
                    await self._import_for_memory(client)
            except (Unauthenticated, PermissionDenied):
                self.keys_required = True
                remark("API keys are on; set COLONNADE_API_KEY to have the model checked and warmed up.")
            except ColonnadeError as error:
                self.answers = False
                show(error)
                remark(
                    "The platform runs, but no model answers yet; see: colonnade models list, colonnade logs"
                )

    async def _until_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        with _showing() as draw:
            while not (now := self._status()).ready:
                draw(now)
                self._check(now, deadline)
                await asyncio.sleep(
                    _LOOK_SECONDS
                )  # the supervisor may be another process: no event to wait for
            draw(now)

    def _check(self, now: PlatformStatus, deadline: float) -> None:
        for service in now.services:
            if service.state is State.CRASH_LOOP:
                self._show_log(service.name)
                raise Unavailable(
                    f"{service.name} does not start ({service.reason}); see: colonnade logs {service.name}, "
                    "colonnade doctor"
                )
        if time.monotonic() > deadline:
            late = [service for service in now.services if service.state is not State.READY]
            told = ", ".join(f"{service.name} ({service.reason or service.state})" for service in late)
            raise Unavailable(f"not ready within {_READY_SECONDS:.0f} s: {told}; see: colonnade logs")

    def _show_log(self, service: str) -> None:
        for line in tail(self._home.log(service), _TAIL_LINES):
            remark(f"  {service}: {line[:2000]}")

    async def _import(self, client: "AsyncColonnade", name: str) -> None:
        remark(f"Importing {name} (once) ...")
        stream = client.models.import_(PREFIX + name, name=name, alias="production")
        with showing() as draw:
            async with stream:
                async for progress in stream:
                    draw(progress)

    async def _import_for_memory(self, client: "AsyncColonnade") -> None:
        """Without it everything answers; memory finds by words alone."""
        try:
            await self._import(client, MINILM)
        except ColonnadeError as error:
            show(error)
            remark("Memory finds by words alone until a model for embeddings is imported.")

    async def _first_word(self, client: "AsyncColonnade") -> None:
        """Has the model loaded, so that the first question does not wait for it."""
        deadline = time.monotonic() + _ANSWER_SECONDS
        while True:
            try:
                await client.generate("Hello", max_tokens=1)
            except (Unavailable, Overloaded):
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_LOOK_SECONDS * 5)
            else:
                return


@contextmanager
def _showing() -> Iterator[Callable[[PlatformStatus], None]]:
    """A table that changes in a terminal; lines for what changed elsewhere."""
    if not err().is_terminal:
        yield _Changes()
        return
    from rich.live import Live

    from colonnade.cli.status import as_table

    with Live(console=err(), auto_refresh=False, transient=False) as live:
        yield lambda now: live.update(as_table(now.services), refresh=True)


class _Changes:
    def __init__(self) -> None:
        self._shown: dict[str, tuple[State, str]] = {}

    def __call__(self, now: PlatformStatus) -> None:
        for service in now.services:
            # A process that starts has a reason not to be ready; only later is one news.
            reason = "" if service.state is State.STARTING else service.reason
            if self._shown.get(service.name) == (service.state, reason):
                continue
            self._shown[service.name] = (service.state, reason)
            remark(f"  {service.name}: {service.state}{f' ({reason})' if reason else ''}")
