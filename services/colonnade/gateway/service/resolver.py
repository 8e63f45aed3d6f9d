"""What a reference stands for: asked of the registry each time, remembered for when it is away."""

from collections import OrderedDict
from collections.abc import Awaitable
from typing import TypeAlias

from colonnade.errors import DeadlineExceeded, Unavailable
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.models import Resolution, Target
from colonnade.gateway.ports import ModelCatalog
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_REMEMBERED = 1024
_Key: TypeAlias = tuple[str, str, str, bool]


class Resolver:
    """Answers with the last known resolution, and says so, while the registry does not answer."""

    def __init__(self, catalog: ModelCatalog) -> None:
        self._catalog = catalog
        self._known: OrderedDict[_Key, Resolution] = OrderedDict()

    async def resolve(
        self, caller: Caller, reference: str, size_label: str, *, embeds: bool = False
    ) -> tuple[Resolution, bool]:
        """The resolution, and whether it is fresh. Raises what the registry raised where nothing is known."""
        key = (caller.principal.tenant, reference, size_label, embeds)
        return await self._asked(key, self._catalog.resolve(caller, reference, size_label, embeds=embeds))

    async def version(self, caller: Caller, digest: str) -> tuple[Target, bool]:
        """The version of a digest, and whether that is fresh; as for ``resolve``."""

        async def found() -> Resolution:
            target = await self._catalog.version(caller, digest)
            return Resolution(target.name, "", (target,))

        resolution, fresh = await self._asked((caller.principal.tenant, digest, "", False), found())
        return resolution.targets[0], fresh

    async def _asked(self, key: _Key, answer: Awaitable[Resolution]) -> tuple[Resolution, bool]:
        try:
            resolution = await answer
        except (Unavailable, DeadlineExceeded) as error:
            known = self._known.get(key)
            if known is None:
                raise
            _LOG.warning("registry away; last known version used", model=known.name, code=error.code)
            return known, False
        self._remember(key, resolution)
        return resolution, True

    def _remember(self, key: _Key, resolution: Resolution) -> None:
        self._known[key] = resolution
        self._known.move_to_end(key)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
