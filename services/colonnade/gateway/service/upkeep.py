"""Looking after the registry: asked for by few of the installation's own people, and recorded."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from colonnade.errors import PermissionDenied
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.upkeep import BackedUp, Collected
from colonnade.gateway.ports import Audit
from colonnade.gateway.ports.upkeep import RegistryUpkeep
from colonnade.security.audit import privileged
from colonnade.security.identity import HOME_TENANT


class Upkeep:
    def __init__(self, registry: RegistryUpkeep, audit: Audit) -> None:
        self._registry, self._audit = registry, audit

    async def collect(self, caller: Caller, *, dry_run: bool) -> AsyncGenerator[Collected, None]:
        _check_whose(caller)
        facts = {"dry_run": dry_run, "request_id": caller.request_id}
        async with (
            privileged(self._audit, "registry.collect", caller.principal, acknowledge=False, **facts),
            aclosing(self._registry.collect(caller, dry_run=dry_run)) as steps,
        ):
            async for step in steps:
                yield step

    async def back_up(self, caller: Caller, to: str, keep: int) -> AsyncGenerator[BackedUp, None]:
        _check_whose(caller)
        facts = {"to": to, "keep": keep, "request_id": caller.request_id}
        async with (
            privileged(self._audit, "registry.backup", caller.principal, acknowledge=False, **facts),
            aclosing(self._registry.back_up(caller, to, keep)) as steps,
        ):
            async for step in steps:
                yield step


def _check_whose(caller: Caller) -> None:
    """What is collected and copied, and which backups make room, is everybody's."""
    if caller.principal.tenant != HOME_TENANT:
        raise PermissionDenied(
            f"the whole registry is looked after by the tenant {HOME_TENANT} alone", field="tenant"
        )
