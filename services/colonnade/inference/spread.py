"""A version that is in demand is loaded by more engines, ahead of its requests.

Nobody waits for that: requests go to those that have it meanwhile. And no version gives its place up for it:
only an engine with room to spare loads it.
"""

import asyncio
from collections.abc import Sequence

from colonnade.errors import ColonnadeError
from colonnade.inference.domain import EngineView, Manifest, Ref, Run, having
from colonnade.inference.fleet import Fleet
from colonnade.inference.loads import Loads
from colonnade.inference.manifests import Manifests
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_REMEMBERED = 256
ROOM = 2
"""An engine has room to spare for a version if it has this many times its files' size free."""


class Spread:
    def __init__(self, fleet: Fleet, manifests: Manifests, loads: Loads, *, tokens: int) -> None:
        """In demand is what has more than these outstanding wherever it is; 0 spreads nothing."""
        self._fleet = fleet
        self._manifests = manifests
        self._loads = loads
        self._tokens = tokens
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._refused: set[tuple[Run, str]] = set()
        """Versions that a process could not load: it is not asked again."""

    def consider(self, fit: Sequence[EngineView], ref: Ref) -> None:
        """To be told of each request, with the engines that may be sent it. One load of a version at once."""
        digest = ref.digest
        if not self._tokens or digest in self._tasks or not _without(fit, digest):
            return
        near = having(fit, digest)
        if near and all(each.has(digest) and each.outstanding_tokens > self._tokens for each in near):
            task = self._tasks[digest] = asyncio.create_task(self._load(ref))
            task.add_done_callback(lambda _: self._tasks.pop(digest))

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _load(self, ref: Ref) -> None:
        try:
            manifest = await self._manifests.get(ref)
        except ColonnadeError:
            return  # the next request has it looked for again
        roomy = [view for view in self._fleet.views if self._would_take(view, manifest)]
        if not roomy:
            return
        chosen = max(roomy, key=lambda each: each.free_bytes)
        _LOG.info("spreading", model=manifest.name, engine=chosen.address)
        try:
            await self._loads.load(self._fleet.slot(chosen.address), manifest)
        except ColonnadeError as error:
            _LOG.warning("not spread", model=manifest.name, code=error.code, reason=error.message)
            if len(self._refused) >= _REMEMBERED:
                self._refused.clear()
            self._refused.add((chosen.run, ref.digest))

    def _would_take(self, view: EngineView, manifest: Manifest) -> bool:
        room = view.free_bytes >= ROOM * manifest.size_bytes
        refused = (view.run, manifest.digest) in self._refused
        return view.ready and room and not refused and bool(_without([view], manifest.digest))


def _without(engines: Sequence[EngineView], digest: str) -> list[EngineView]:
    return [each for each in engines if not each.has(digest) and digest not in each.loading]
