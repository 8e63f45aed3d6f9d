"""What people ask of the catalogue, and say in it."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from colonnade.registry.catalogue import paging
from colonnade.registry.catalogue.grammar import parsed
from colonnade.registry.catalogue.ports import CatalogueStore
from colonnade.registry.catalogue.records import ModelChange, ModelRecord, VersionChange, VersionRecord
from colonnade.registry.catalogue.signatures import default_signature
from colonnade.registry.domain.bounds import in_range
from colonnade.registry.owners import Owners
from colonnade.registry.ports import AuditTrail
from colonnade.registry.service import PAGE_SIZE, actor, utc_now
from colonnade.security.audit import privileged
from colonnade.security.identity import Principal
from colonnade.security.inputs import check_text, idempotency_key, model_name
from colonnade.security.inputs.catalogue import MAX_PAGE_SIZE, MAX_VERSION, MAX_WHY_BYTES
from colonnade.security.inputs.once import Once


@dataclass(frozen=True, slots=True)
class Search:
    filter: str = ""
    order_by: str = ""
    page_size: int = 0
    page_token: str = ""

    def size(self) -> int:
        in_range("page_size", self.page_size, 0, MAX_PAGE_SIZE)
        return self.page_size or PAGE_SIZE


class Catalogue:
    def __init__(
        self,
        store: CatalogueStore,
        owners: Owners,
        trail: AuditTrail,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._owners = owners
        self._trail = trail
        self._clock = clock

    async def create_model(
        self, name: str, change: ModelChange, principal: Principal, *, key: str = ""
    ) -> ModelRecord:
        """A model without versions, of the principal's tenant."""
        model_name(name)
        change.check()
        by = actor(principal)
        once = _once(by, key, name, change) if key else None
        async with self._act("model.create", principal, model=name):
            return await self._store.create_model(name, change, by=by, at=self._clock(), once=once)

    async def describe_model(self, name: str, change: ModelChange, principal: Principal) -> ModelRecord:
        model_name(name)
        change.check()
        facts = {"model": name, "tags": ",".join(sorted({*change.tags.set, *change.tags.remove}))}
        async with self._act("model.describe", principal, **facts):
            await self._owners.check(name, principal)
            return await self._store.describe_model(name, change, by=actor(principal), at=self._clock())

    async def get_version(self, name: str, number: int) -> VersionRecord:
        """With a signature in any case. 0: the newest."""
        model_name(name)
        in_range("version", number, 0, MAX_VERSION)
        return _signed(await self._store.find_version(name, number))

    async def describe_version(
        self, name: str, number: int, change: VersionChange, principal: Principal
    ) -> VersionRecord:
        _check_version(name, number)
        change.check()
        said = [each for each in ("description", "card", "signature") if getattr(change, each) is not None]
        facts = {"model": name, "version": number, "said": ",".join(said), "metrics": len(change.metrics)}
        facts["tags"] = ",".join(sorted({*change.tags.set, *change.tags.remove}))
        async with self._act("version.describe", principal, **facts):
            await self._owners.check(name, principal)
            by, at = actor(principal), self._clock()
            return _signed(await self._store.describe_version(name, number, change, by=by, at=at))

    async def delete_version(self, name: str, number: int, principal: Principal, *, why: str = "") -> None:
        _check_version(name, number)
        _check_why(why)
        async with self._act("version.delete", principal, model=name, version=number, why=why):
            await self._owners.check(name, principal)
            by, at = actor(principal), self._clock()
            await self._store.delete_version(name, number, by=by, at=at, why=why)

    async def delete_model(self, name: str, principal: Principal, *, why: str = "") -> None:
        model_name(name)
        _check_why(why)
        async with self._act("model.delete", principal, model=name, why=why):
            await self._owners.check(name, principal)
            await self._store.delete_model(name, by=actor(principal), at=self._clock(), why=why)

    async def rename_model(self, name: str, to: str, principal: Principal) -> ModelRecord:
        model_name(name)
        model_name(to, "to")
        async with self._act("model.rename", principal, model=name, to=to):
            await self._owners.check(name, principal)
            return await self._store.rename_model(name, to, by=actor(principal), at=self._clock())

    async def search_models(self, search: Search) -> tuple[Sequence[ModelRecord], str]:
        """What was found, and the token of the next page, if there is one."""
        asked, order, size = parsed(search.filter), paging.model_order(search.order_by), search.size()
        after = paging.position_in(search.page_token, order)
        found = await self._store.search_models(asked, order, after=after, limit=size + 1)
        last = paging.model_position(found[size - 1], order) if len(found) > size else ()
        return found[:size], paging.token_of(order, last) if last else ""

    async def search_versions(self, search: Search) -> tuple[Sequence[VersionRecord], str]:
        """Of versions; without cards and signatures."""
        asked, order, size = parsed(search.filter), paging.version_order(search.order_by), search.size()
        after = paging.position_in(search.page_token, order)
        found = await self._store.search_versions(asked, order, after=after, limit=size + 1)
        last = paging.version_position(found[size - 1], order) if len(found) > size else ()
        return found[:size], paging.token_of(order, last) if last else ""

    def _act(self, act: str, principal: Principal, **facts: Any) -> Any:
        return privileged(self._trail, f"registry.{act}", principal, acknowledge=True, **facts)


def _signed(record: VersionRecord) -> VersionRecord:
    family = record.version.manifest.content.family
    return record if record.signature else replace(record, signature=default_signature(family))


def _check_version(name: str, number: int) -> None:
    model_name(name)
    in_range("version", number, 1, MAX_VERSION)


def _check_why(why: str) -> None:
    check_text(why, "why", MAX_WHY_BYTES, allow_empty=True, controls="text")


def _once(owner: str, key: str, name: str, change: ModelChange) -> Once:
    asked = json.dumps([name, asdict(change)], sort_keys=True)
    return Once(owner, idempotency_key(key, "idempotency_key"), hashlib.sha256(asked.encode()).hexdigest())
