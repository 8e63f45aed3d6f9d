"""The registry, for what is said of models and versions, their search, renaming and deletion."""

from typing import Protocol

from colonnade.gateway.domain.catalogue import (
    FoundModels,
    FoundVersions,
    ModelChange,
    ModelRecord,
    Search,
    VersionChange,
    VersionRecord,
)
from colonnade.gateway.domain.exchange import Caller


class Catalogue(Protocol):
    """Raises as ``ModelCatalog`` does."""

    async def create_model(
        self, caller: Caller, name: str, change: ModelChange, idempotency_key: str
    ) -> ModelRecord:
        """A model without versions; ``Conflict`` where it is there."""
        ...

    async def get_model(self, caller: Caller, name: str) -> ModelRecord: ...

    async def describe_model(self, caller: Caller, name: str, change: ModelChange) -> ModelRecord: ...

    async def get_version(self, caller: Caller, name: str, version: int) -> VersionRecord:
        """``version`` 0: the newest."""
        ...

    async def describe_version(
        self, caller: Caller, name: str, version: int, change: VersionChange
    ) -> VersionRecord: ...

    async def delete_version(self, caller: Caller, name: str, version: int, why: str) -> None:
        """``Conflict`` while something needs it."""
        ...

    async def delete_model(self, caller: Caller, name: str, why: str) -> None: ...

    async def rename_model(self, caller: Caller, name: str, to: str) -> ModelRecord: ...

    async def search_models(self, caller: Caller, search: Search) -> FoundModels: ...

    async def search_versions(self, caller: Caller, search: Search) -> FoundVersions: ...
