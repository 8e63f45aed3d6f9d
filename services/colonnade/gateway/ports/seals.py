"""The registry, for signatures over versions."""

from typing import Protocol

from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.seals import Seal, SealDetail, SealList


class SealBook(Protocol):
    """Raises as ``ModelCatalog`` does."""

    async def list_seals(self, caller: Caller, model: str) -> SealList: ...

    async def get(self, caller: Caller, model: str, version: int) -> SealDetail: ...

    async def sign(self, caller: Caller, model: str, version: int) -> Seal: ...
