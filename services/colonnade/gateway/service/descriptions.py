"""What is said of models and versions: read and searched by many, changed by few, and those acts recorded."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from colonnade.gateway.domain.cards import full_card
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
from colonnade.gateway.domain.lineage import Evaluation
from colonnade.gateway.ports import Audit
from colonnade.gateway.ports.catalogue import Catalogue
from colonnade.gateway.ports.lineage import EvaluationBook
from colonnade.security.audit import privileged

_EVALUATIONS = 50


class Descriptions:
    def __init__(
        self,
        catalogue: Catalogue,
        evaluations: EvaluationBook,
        audit: Audit,
        moved: Callable[[], None] = lambda: None,
    ) -> None:
        """``moved`` hears that a reference may mean nothing now."""
        self._catalogue, self._evaluations = catalogue, evaluations
        self._audit, self._moved = audit, moved

    async def get_model(self, caller: Caller, name: str) -> ModelRecord:
        return await self._catalogue.get_model(caller, name)

    async def get_version(self, caller: Caller, name: str, version: int) -> VersionRecord:
        return await self._catalogue.get_version(caller, name, version)

    async def card(self, caller: Caller, name: str, version: int) -> str:
        """What its author wrote, and the facts."""
        record = await self._catalogue.get_version(caller, name, version)
        return full_card(record, await self._evaluated(caller, name, version))

    async def search_models(self, caller: Caller, search: Search) -> FoundModels:
        return await self._catalogue.search_models(caller, search)

    async def search_versions(self, caller: Caller, search: Search) -> FoundVersions:
        return await self._catalogue.search_versions(caller, search)

    async def create_model(self, caller: Caller, name: str, change: ModelChange, key: str) -> ModelRecord:
        async with self._act(caller, "model.create", model=name):
            return await self._catalogue.create_model(caller, name, change, key)

    async def describe_model(self, caller: Caller, name: str, change: ModelChange) -> ModelRecord:
        async with self._act(caller, "model.describe", model=name):
            return await self._catalogue.describe_model(caller, name, change)

    async def describe_version(
        self, caller: Caller, name: str, version: int, change: VersionChange
    ) -> VersionRecord:
        async with self._act(caller, "version.describe", model=name, version=version):
            return await self._catalogue.describe_version(caller, name, version, change)

    async def delete_version(self, caller: Caller, name: str, version: int, why: str) -> None:
        async with self._act(caller, "version.delete", model=name, version=version, why=why):
            await self._catalogue.delete_version(caller, name, version, why)
            self._moved()

    async def delete_model(self, caller: Caller, name: str, why: str) -> None:
        async with self._act(caller, "model.delete", model=name, why=why):
            await self._catalogue.delete_model(caller, name, why)
            self._moved()

    async def rename_model(self, caller: Caller, name: str, to: str) -> ModelRecord:
        async with self._act(caller, "model.rename", model=name, to=to):
            record = await self._catalogue.rename_model(caller, name, to)
            self._moved()
            return record

    async def _evaluated(self, caller: Caller, name: str, version: int) -> tuple[Evaluation, ...]:
        page = await self._evaluations.page(caller, name, version, _EVALUATIONS, "")
        return page.evaluations

    @asynccontextmanager
    async def _act(self, caller: Caller, act: str, **facts: Any) -> AsyncIterator[None]:
        told = facts | {"request_id": caller.request_id}
        async with privileged(self._audit, act, caller.principal, acknowledge=False, **told):
            yield
