"""A replica of the Ray Serve application: it starts an engine, answers for it, and ends it.

No request reaches it. Ray calls ``check_health``, ``record_autoscaling_stats`` and, at the end, ``__del__``.
"""

import asyncio
import os
import time
from typing import Any

from colonnade.errors import ColonnadeError, Unavailable
from colonnade.rpc import Identity
from colonnade.serving import slots
from colonnade.serving.child import EngineChild
from colonnade.serving.door import EngineDoor
from colonnade.serving.place import place
from colonnade.serving.settings import ServingSettings
from colonnade.supervise.home import Home

REQUESTS = "requests"
_ANSWER_SECONDS = 5.0
_POLL_SECONDS = 0.1
_ENDING_SECONDS = 5.0
"""Beyond draining: what an engine takes to end."""


def stopping_seconds(settings: ServingSettings) -> float:
    """How long a replica may take to end before it is killed."""
    return settings.drain_seconds + 2 * _ENDING_SECONDS


class EngineReplica:
    async def __init__(self, arguments: dict[str, Any]) -> None:  # type: ignore[misc]  # Ray awaits it
        """``arguments`` go before the environment of this replica's machine. The engine is ready then."""
        self._settings = settings = ServingSettings.of(arguments)
        self._slot = slots.take(Home(settings.home).run)
        here = place(self._slot.number, settings, _node(), os.environ)
        if here.log:
            here.log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._engine = EngineChild(here.environment, holding=self._slot.descriptor, log=here.log)
        self._door = EngineDoor(here.address, Identity("serving", settings.identity))
        await self._until_ready()

    async def check_health(self) -> None:
        """Raises ``Unavailable`` where the engine has ended or does not say that it is ready."""
        if ended := self._engine.ended():
            raise Unavailable(f"the engine has ended: {ended}")
        if not await self._door.ready(_ANSWER_SECONDS):
            raise Unavailable("the engine does not say that it is ready")

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """How busy the engine is; Ray sees none of its requests. Nothing, where it does not answer."""
        try:
            load = await self._door.load(_ANSWER_SECONDS)
        except ColonnadeError:
            return {}
        return {REQUESTS: float(load.requests), "outstanding_tokens": float(load.outstanding_tokens)}

    def __del__(self) -> None:
        """Ray calls it before it ends the replica. The engine deregisters and finishes what runs."""
        if hasattr(self, "_engine"):
            self._engine.stop(self._settings.drain_seconds + _ENDING_SECONDS)

    async def _until_ready(self) -> None:
        deadline = time.monotonic() + self._settings.start_seconds
        while not await self._door.ready(_ANSWER_SECONDS):
            if ended := self._engine.ended():
                raise Unavailable(f"the engine did not start: {ended}; its log says why")
            if time.monotonic() > deadline:
                raise Unavailable(f"the engine is not ready after {self._settings.start_seconds:g} s")
            await asyncio.sleep(_POLL_SECONDS)


def _node() -> str:
    """This machine's address in the cluster."""
    import ray

    return str(ray.util.get_node_ip_address())
