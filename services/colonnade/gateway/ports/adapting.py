"""Who teaches versions to do less harm: the ethics service."""

from typing import Protocol

from colonnade.gateway.domain.adapting import (
    Adaptation,
    AdaptationPage,
    AdaptationPairPage,
    NewAdaptation,
)
from colonnade.gateway.domain.exchange import Caller


class AdaptationBook(Protocol):
    """Raises what the ethics service refuses with; ``Unavailable`` where it is away."""

    async def begin(self, caller: Caller, new: NewAdaptation) -> Adaptation: ...

    async def get(self, caller: Caller, adaptation_id: str) -> Adaptation: ...

    async def page(self, caller: Caller, model: str, limit: int, page: str) -> AdaptationPage:
        """Newest first; of every model where ``model`` is empty."""
        ...

    async def cancel(self, caller: Caller, adaptation_id: str) -> Adaptation: ...

    async def pairs(self, caller: Caller, adaptation_id: str, limit: int, page: str) -> AdaptationPairPage:
        """In the order of their making."""
        ...
