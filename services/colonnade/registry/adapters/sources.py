"""Where a model may be imported from: packages that bring one, and the folders that were opened for it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from colonnade.errors import InvalidArgument
from colonnade.registry.adapters import bundled
from colonnade.registry.ports import Progress
from colonnade.security.inputs import confined


class LocalSources:
    """Implements ``ports.Sources`` for files of this machine. ``roots`` are the folders that are open."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = tuple(roots)

    async def check(self, source: str) -> None:
        """What is wrong with a path shows when it is looked for."""

    async def bring(self, source: str, folder: Path) -> AsyncGenerator[Progress | Path, None]:
        """Nothing is moved."""
        yield await self.locate(source)

    async def locate(self, source: str) -> Path:
        return await asyncio.to_thread(self._locate, source)

    def _locate(self, source: str) -> Path:
        name = bundled.name_of(source)
        if name is not None:
            return bundled.locate(name)
        try:
            return confined(source, self._roots, field="source", kind="either")
        except InvalidArgument as error:
            raise InvalidArgument(
                f"{error.message}; COLONNADE_REGISTRY_IMPORT_ROOTS names the folders that models come from",
                **error.details,
            ) from None
