"""What a reference stands for: asked of the registry, remembered for a moment, and for when it is away."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Set
from typing import TypeAlias

from colonnade.errors import DeadlineExceeded, Unavailable
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.models import Resolution, Target
from colonnade.gateway.ports import ModelCatalog
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_REMEMBERED = 1024
_WATCHED_SECONDS = 1.0
"""The longest that a resolution counts as fresh while a rollout is under way: it may be taken back."""
_Key: TypeAlias = tuple[str, str, str, bool]


class Resolver:
    """Answers with the last known resolution, and says so, while the registry does not answer."""

    def __init__(
        self,
        catalog: ModelCatalog,
        fresh_seconds: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        *,
        left: Callable[[Set[str]], None] = lambda digests: None,
    ) -> None:
        """A resolution is not asked for again within ``fresh_seconds``: so long may another gateway's move
        of an alias go unnoticed here. ``left`` hears of versions that a rollout has taken from an alias."""
        self._catalog, self._fresh_seconds, self._clock = catalog, fresh_seconds, clock
        self._left = left
        self._known: OrderedDict[_Key, tuple[Resolution, float]] = OrderedDict()
        """With the time until which it counts as fresh."""

    def forget(self) -> None:
        """Something was moved: everything is asked for again."""
        self._known = OrderedDict((key, (known, 0.0)) for key, (known, _) in self._known.items())

    async def resolve(
        self, caller: Caller, reference: str, size_label: str, *, embeds: bool = False
    ) -> tuple[Resolution, bool]:
        """The resolution, and whether it is fresh. Raises what the registry raised where nothing is known."""
        key = (caller.principal.tenant, reference, size_label, embeds)
        return await self._asked(
            key, lambda: self._catalog.resolve(caller, reference, size_label, embeds=embeds)
        )

    async def version(self, caller: Caller, digest: str) -> tuple[Target, bool]:
        """The version of a digest, and whether that is fresh; as for ``resolve``."""

        async def found() -> Resolution:
            target = await self._catalog.version(caller, digest)
            return Resolution(target.name, "", (target,))

        resolution, fresh = await self._asked((caller.principal.tenant, digest, "", False), found)
        return resolution.targets[0], fresh

    async def _asked(self, key: _Key, ask: Callable[[], Awaitable[Resolution]]) -> tuple[Resolution, bool]:
        known, until = self._known.get(key, (None, 0.0))
        if known and self._clock() < until:
            return known, True
        try:
            resolution = await ask()
        except (Unavailable, DeadlineExceeded) as error:
            if known is None:
                raise
            _LOG.warning("registry away; last known version used", model=known.name, code=error.code)
            return known, False
        if known and known.watched and (gone := known.digests - resolution.digests):
            self._left(gone)
        self._remember(key, resolution)
        return resolution, True

    def _remember(self, key: _Key, resolution: Resolution) -> None:
        seconds = min(self._fresh_seconds, _WATCHED_SECONDS) if resolution.watched else self._fresh_seconds
        self._known[key] = resolution, self._clock() + seconds
        self._known.move_to_end(key)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
