"""Which version embeds questions, and how it is asked."""

import time
from collections.abc import Awaitable, Callable, Sequence

from colonnade.inference.domain import Parcel, Work
from colonnade.inference.ports import Parcels, Registry

_FRESH_SECONDS = 30.0


class Encoder:
    def __init__(
        self,
        registry: Registry,
        embed: Callable[[Work], Awaitable[Parcel]],
        parcels: Parcels,
        reference: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """What ``reference`` stands for is asked of the registry now and then; empty is its default for
        embeddings."""
        self._registry, self._embed, self._parcels = registry, embed, parcels
        self._reference, self._clock = reference, clock
        self._digest, self._until = "", 0.0

    async def __call__(self, text: str) -> tuple[str, Sequence[float]]:
        """The version's digest, and the text's embedding."""
        if self._clock() >= self._until:
            self._digest = await self._registry.encoder(self._reference)
            self._until = self._clock() + _FRESH_SECONDS
        parcel = await self._embed(self._parcels.embedding(self._digest, text))
        return self._digest, self._parcels.vector(parcel)
