"""Models: looked at by many, imported and moved by few, and those acts recorded."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext

from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.models import (
    Alias,
    AliasTarget,
    ImportOrder,
    ImportProgress,
    Model,
    ModelDetail,
    ModelPage,
)
from colonnade.gateway.ports import Audit, ModelCatalog
from colonnade.gateway.service.caches import Caches
from colonnade.security.audit import privileged
from colonnade.security.inputs.catalogue import MAX_PAGE_SIZE


class Models:
    def __init__(
        self,
        catalog: ModelCatalog,
        audit: Audit,
        moved: Callable[[], None] = lambda: None,
        caches: Caches | None = None,
    ) -> None:
        """``moved`` hears that a reference may mean another version now; ``caches`` forget what did."""
        self._catalog, self._audit, self._moved, self._caches = catalog, audit, moved, caches

    async def page(self, caller: Caller, page_size: int, page_token: str) -> ModelPage:
        return await self._catalog.list_models(caller, page_size, page_token)

    async def all(self, caller: Caller) -> Sequence[Model]:
        """Every model, page by page."""
        models, token = list[Model](), ""
        while True:
            page = await self._catalog.list_models(caller, MAX_PAGE_SIZE, token)
            models += page.models
            token = page.next_page_token
            if not token:
                return models

    async def get(self, caller: Caller, name: str) -> ModelDetail:
        return await self._catalog.get(caller, name)

    async def referred(self, caller: Caller, reference: str) -> Model:
        """The model of a reference; ``NotFound`` where nothing answers to it now."""
        resolution = await self._catalog.resolve(caller, reference, "")
        return (await self._catalog.get(caller, resolution.name)).model

    async def bring_in(self, caller: Caller, order: ImportOrder) -> AsyncGenerator[ImportProgress, None]:
        """Imports a model; the last progress carries the new version."""
        facts = {"model": order.name, "alias": order.alias, "request_id": caller.request_id}
        async with (
            privileged(self._audit, "model.import", caller.principal, acknowledge=False, **facts),
            self._moving(caller, order.name, order.alias),
            aclosing(self._catalog.import_model(caller, order)) as steps,
        ):
            async for step in steps:
                if step.version is not None:
                    self._moved()
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
        async with (
            privileged(self._audit, "alias.set", caller.principal, acknowledge=False, **facts),
            self._moving(caller, name, alias),
        ):
            moved = await self._catalog.set_alias(caller, name, alias, targets, revision)
            self._moved()
            return moved

    async def delete_alias(self, caller: Caller, name: str, alias: str) -> None:
        facts = {"model": name, "alias": alias, "request_id": caller.request_id}
        async with (
            privileged(self._audit, "alias.delete", caller.principal, acknowledge=False, **facts),
            self._moving(caller, name, alias),
        ):
            await self._catalog.delete_alias(caller, name, alias)
            self._moved()

    def _moving(self, caller: Caller, name: str, alias: str) -> AbstractAsyncContextManager[None]:
        return self._caches.moving(caller, name, alias) if self._caches else nullcontext()
