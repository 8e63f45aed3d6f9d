"""Limits of single keys, tenants and models: set by admins, each act recorded before it is done."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from colonnade.errors import InvalidArgument, NotFound, PermissionDenied
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.fair_use import Kind, LimitRecord, Quota, Scope, Standing
from colonnade.gateway.domain.usage import today
from colonnade.gateway.ports import Audit, KeyStore, LimitStore
from colonnade.gateway.service.doorkeeper import utc_now
from colonnade.gateway.service.fair_use.admission import FairUse, rule_of, scopes_of
from colonnade.security.audit import privileged
from colonnade.security.identity import HOME_TENANT, Principal


@dataclass(frozen=True, slots=True)
class Remaining:
    """A scope's limits, and what is left of them."""

    scope: Scope
    quota: Quota
    standing: Standing
    spent: int
    """Tokens this month; 0 where there is no budget."""


class LimitAdmin:
    """Admins of the installation's own tenant set everything; those of another tenant, its keys' limits.

    A tenant cannot give itself more so: its own limits stand beside its keys', and the tightest holds."""

    def __init__(
        self,
        store: LimitStore,
        keys: KeyStore,
        fair_use: FairUse,
        audit: Audit,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._keys = keys
        self._fair_use = fair_use
        self._audit = audit
        self._now = now

    @property
    def defaults(self) -> Mapping[Kind, Quota]:
        return self._fair_use.book.defaults

    async def records(self, principal: Principal) -> Sequence[LimitRecord]:
        """Those of the principal's tenant; of all tenants for the installation's own."""
        return await self._store.records(None if principal.tenant == HOME_TENANT else principal.tenant)

    async def get(self, principal: Principal, kind: Kind, tenant: str, name: str) -> LimitRecord:
        """``NotFound`` where the defaults hold."""
        scope = await self._scope(principal, kind, tenant, name)
        found = await self._store.find([scope])
        if scope not in found:
            raise NotFound(f"{scope} has no limits of its own; the defaults hold (GET /limits)")
        return found[scope]

    async def put(self, caller: Caller, kind: Kind, tenant: str, name: str, quota: Quota) -> LimitRecord:
        """The scope's limits from now on; what ``quota`` leaves open is as the defaults say."""
        scope = await self._scope(caller.principal, kind, tenant, name)
        _check_grant(caller.principal, scope, quota)
        record = LimitRecord(scope, quota, self._now(), caller.principal.full_name)
        async with privileged(
            self._audit, "limits.set", caller.principal, acknowledge=False, **_facts(caller, scope)
        ):
            await self._store.put(record)
            self._fair_use.book.changed(scope)
        return record

    async def delete(self, caller: Caller, kind: Kind, tenant: str, name: str) -> None:
        """The defaults hold again."""
        scope = await self._scope(caller.principal, kind, tenant, name)
        _check_grant(caller.principal, scope, Quota())
        async with privileged(
            self._audit, "limits.delete", caller.principal, acknowledge=False, **_facts(caller, scope)
        ):
            await self._store.delete(scope)
            self._fair_use.book.changed(scope)

    async def mine(self, principal: Principal, model: str = "") -> Sequence[Remaining]:
        """What is left to the caller; on ``model`` as well, where one is named."""
        scopes = list(scopes_of(principal))
        if model:
            scopes.append(Scope(Kind.MODEL, principal.tenant, model))
        quotas = await self._fair_use.book.quotas(scopes)
        rules = list(map(rule_of, scopes, quotas))
        verdict, day = await self._fair_use.limiter.look(rules), today(self._now())
        return [
            Remaining(scope, quota, standing, await self._spent(scope, quota, day))
            for scope, quota, standing in zip(scopes, quotas, verdict.standings, strict=True)
        ]

    async def _spent(self, scope: Scope, quota: Quota, day: date) -> int:
        return await self._fair_use.budgets.spent(scope, day) if quota.monthly_tokens else 0

    async def _scope(self, principal: Principal, kind: Kind, tenant: str, name: str) -> Scope:
        """What the principal may look at. A key's tenant is its own, whoever asks."""
        if kind is Kind.KEY:
            record = await self._keys.find(name)
            tenant = record.key.tenant if record else ""
        if not tenant or principal.tenant not in (HOME_TENANT, tenant):
            raise NotFound(f"there is no such {'key' if kind is Kind.KEY else 'tenant'} that you may see")
        return Scope(kind, tenant, name)


def _check_grant(principal: Principal, scope: Scope, quota: Quota) -> None:
    if quota.max_priority is not None and scope.kind is not Kind.KEY:
        raise InvalidArgument("max_priority is for keys alone", field="max_priority", limit="keys")
    if principal.tenant == HOME_TENANT:
        return
    if scope.kind is not Kind.KEY:
        raise PermissionDenied(
            f"the limits of a tenant are set by admins of the tenant {HOME_TENANT}", field="tenant"
        )
    if (quota.max_priority or 0) > 0:
        raise PermissionDenied(
            f"a priority above 0 goes before other tenants; admins of the tenant {HOME_TENANT} grant it",
            field="max_priority",
            limit=0,
        )


def _facts(caller: Caller, scope: Scope) -> dict[str, str]:
    return {
        "kind": scope.kind.value,
        "limited_tenant": scope.tenant,
        "name": scope.name,
        "request_id": caller.request_id,
    }
