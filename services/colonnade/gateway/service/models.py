"""Models: looked at by many, imported and moved by few, and those acts recorded."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.models import (
    Alias,
    AliasTarget,
    ImportOrder,
    ImportProgress,
    ModelDetail,
    ModelPage,
)
from colonnade.gateway.ports import Audit, ModelCatalog
from colonnade.gateway.service.acts import privileged


class Models:
    def __init__(self, catalog: ModelCatalog, audit: Audit) -> None:
        self._catalog = catalog
        self._audit = audit

    async def page(self, caller: Caller, page_size: int, page_token: str) -> ModelPage:
        return await self._catalog.list_models(caller, page_size, page_token)

    async def get(self, caller: Caller, name: str) -> ModelDetail:
        return await self._catalog.get(caller, name)

    async def bring_in(self, caller: Caller, order: ImportOrder) -> AsyncGenerator[ImportProgress, None]:
        """Imports a model; the last progress carries the new version."""
        facts = {"model": order.name, "alias": order.alias, "request_id": caller.request_id}
        async with (
            privileged(self._audit, "model.import", caller.principal, **facts),
            aclosing(self._catalog.import_model(caller, order)) as steps,
        ):
            async for step in steps:
                yield step

    async def set_alias(
        self, caller: Caller, name: str, alias: str, targets: Sequence[AliasTarget], revision: int | None
    ) -> Alias:
        facts = {
            "model": name,
            "alias": alias,
            "targets": {str(target.version): target.weight for target in targets},
            "request_id": caller.request_id,
        }
        async with privileged(self._audit, "alias.set", caller.principal, **facts):
            return await self._catalog.set_alias(caller, name, alias, targets, revision)

    async def delete_alias(self, caller: Caller, name: str, alias: str) -> None:
        facts = {"model": name, "alias": alias, "request_id": caller.request_id}
        async with privileged(self._audit, "alias.delete", caller.principal, **facts):
            await self._catalog.delete_alias(caller, name, alias)
