"""Answers that are kept: seen by who runs the platform, and forgotten when they are out of date."""

import re
from collections.abc import AsyncIterator, Set
from contextlib import asynccontextmanager

from colonnade.errors import ColonnadeError, PermissionDenied
from colonnade.gateway.domain.caching import CacheState
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.ports import AnswerCaches, Audit, ModelCatalog
from colonnade.security.audit import privileged
from colonnade.security.identity import HOME_TENANT, Principal
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_ONE_VERSION = re.compile(r"[@:]")
"""In a reference: then it does not mean all of a model's versions."""
_DEFAULT_ALIAS = "production"
_ITSELF = Principal.service("gateway")


class Caches:
    def __init__(self, caches: AnswerCaches, catalog: ModelCatalog, audit: Audit) -> None:
        self._caches, self._catalog, self._audit = caches, catalog, audit
        self._former: set[str] = set()

    async def state(self, caller: Caller) -> CacheState:
        return await self._caches.state(caller)

    async def purge(self, caller: Caller, reference: str, tenant: str) -> int:
        """Forgets the answers of a model, or of one version of it, and of a tenant; empty is any.

        Those of other tenants are the installation's own tenant's to forget."""
        mine = caller.principal.tenant
        if mine != HOME_TENANT and tenant not in ("", mine):
            raise PermissionDenied(
                f"the answers of another tenant are forgotten by the tenant {HOME_TENANT} alone",
                field="tenant",
            )
        whose = tenant or ("" if mine == HOME_TENANT else mine)
        facts = {"model": reference, "of_tenant": whose, "request_id": caller.request_id}
        async with privileged(self._audit, "cache.purge", caller.principal, acknowledge=False, **facts):
            digests = await self._digests(caller, reference) if reference else {""}
            return sum([await self._caches.purge(caller, digest, whose) for digest in sorted(digests)])

    @asynccontextmanager
    async def moving(self, caller: Caller, name: str, alias: str) -> AsyncIterator[None]:
        """Around a move of an alias: what lost its place behind it is forgotten, as far as possible."""
        before = await self._behind(caller, name, alias or _DEFAULT_ALIAS)
        yield
        if not before:
            return
        await self._forget(caller, before - await self._behind(caller, name, alias or _DEFAULT_ALIAS))

    def left(self, digests: Set[str]) -> None:
        """A rollout has moved an alias away from these versions: ``forget_former`` is to be called."""
        self._former |= digests

    async def forget_former(self) -> None:
        """What rollouts have left behind is forgotten, as far as possible, as the gateway itself."""
        former, self._former = self._former, set()
        if former:
            await self._forget(Caller(_ITSELF, "rollouts"), former)

    async def _forget(self, caller: Caller, digests: Set[str]) -> None:
        for digest in sorted(digests):
            try:
                forgotten = await self._caches.purge(caller, digest, "")
            except ColonnadeError as error:
                _LOG.warning("answers of a former version not forgotten", digest=digest, code=error.code)
            else:
                _LOG.info("answers of a former version forgotten", digest=digest, answers=forgotten)

    async def _digests(self, caller: Caller, reference: str) -> set[str]:
        """Of an adapter, that of the version that it belongs to: their answers are forgotten together."""
        if _ONE_VERSION.search(reference):
            resolution = await self._catalog.resolve(caller, reference, "")
            return {target.base or target.digest for target in resolution.targets}
        versions = (await self._catalog.get(caller, reference)).versions
        return {version.base or version.digest for version in versions}

    async def _behind(self, caller: Caller, name: str, alias: str) -> set[str]:
        """The versions that an alias means; none where that cannot be told."""
        try:
            detail = await self._catalog.get(caller, name)
        except ColonnadeError:
            return set()
        meant = {
            target.version for each in detail.model.aliases if each.name == alias for target in each.targets
        }
        return {version.base or version.digest for version in detail.versions if version.version in meant}
