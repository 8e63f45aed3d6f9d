"""Both clients' ``seals``."""

from typing import TYPE_CHECKING

from colonnade.client import seal_calls as calls
from colonnade.client.seal_calls import Seal, SealDetail, SealList

if TYPE_CHECKING:
    from colonnade.client.aio import AsyncColonnade
    from colonnade.client.sync import Colonnade


class SyncSeals:
    """Signatures over versions."""

    def __init__(self, client: "Colonnade") -> None:
        self._client = client

    def list(self, model: str) -> SealList:
        """Of all versions of a model."""
        return self._client._call(calls.list_seals(model))

    def get(self, model: str, version: int) -> SealDetail:
        """For whoever has the files and wants to check them."""
        return self._client._call(calls.get(model, version))

    def sign(self, model: str, version: int) -> Seal:
        """With the key of now, instead of the seal that is there."""
        return self._client._call(calls.sign(model, version))


class AsyncSeals:
    """Signatures over versions."""

    def __init__(self, client: "AsyncColonnade") -> None:
        self._client = client

    async def list(self, model: str) -> SealList:
        """Of all versions of a model."""
        return await self._client._call(calls.list_seals(model))

    async def get(self, model: str, version: int) -> SealDetail:
        """For whoever has the files and wants to check them."""
        return await self._client._call(calls.get(model, version))

    async def sign(self, model: str, version: int) -> Seal:
        """With the key of now, instead of the seal that is there."""
        return await self._client._call(calls.sign(model, version))
