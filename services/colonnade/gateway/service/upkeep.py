"""Looking after the registry: asked for by few, and recorded."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.upkeep import BackedUp, Collected
from colonnade.gateway.ports import Audit
from colonnade.gateway.ports.upkeep import RegistryUpkeep
from colonnade.security.audit import privileged


class Upkeep:
    def __init__(self, registry: RegistryUpkeep, audit: Audit) -> None:
        self._registry, self._audit = registry, audit

    async def collect(self, caller: Caller, *, dry_run: bool) -> AsyncGenerator[Collected, None]:
        facts = {"dry_run": dry_run, "request_id": caller.request_id}
        async with (
            privileged(self._audit, "registry.collect", caller.principal, acknowledge=False, **facts),
            aclosing(self._registry.collect(caller, dry_run=dry_run)) as steps,
        ):
            async for step in steps:
                yield step

    async def back_up(self, caller: Caller, to: str, keep: int) -> AsyncGenerator[BackedUp, None]:
        facts = {"to": to, "keep": keep, "request_id": caller.request_id}
        async with (
            privileged(self._audit, "registry.backup", caller.principal, acknowledge=False, **facts),
            aclosing(self._registry.back_up(caller, to, keep)) as steps,
        ):
            async for step in steps:
                yield step
