"""Signatures over versions: read by many, made by few, and that recorded."""

from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.seals import Seal, SealDetail, SealList
from colonnade.gateway.ports import Audit, SealBook
from colonnade.security.audit import privileged


class Seals:
    def __init__(self, book: SealBook, audit: Audit) -> None:
        self._book, self._audit = book, audit

    async def list_seals(self, caller: Caller, model: str) -> SealList:
        return await self._book.list_seals(caller, model)

    async def get(self, caller: Caller, model: str, version: int) -> SealDetail:
        return await self._book.get(caller, model, version)

    async def sign(self, caller: Caller, model: str, version: int) -> Seal:
        facts = {"model": model, "version": version, "request_id": caller.request_id}
        async with privileged(self._audit, "model.sign", caller.principal, acknowledge=False, **facts):
            return await self._book.sign(caller, model, version)
