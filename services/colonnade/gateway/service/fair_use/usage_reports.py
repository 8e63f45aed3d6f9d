"""What was used, as far as who asks may know."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime

from colonnade.errors import InvalidArgument, PermissionDenied
from colonnade.gateway.domain.usage import GROUPINGS, UsageQuery, UsageRow, today
from colonnade.gateway.ports import UsageLedger
from colonnade.gateway.service.doorkeeper import utc_now
from colonnade.security.identity import HOME_TENANT, Principal, Role

_MOST_DAYS = 3660
_SEE_TENANT = frozenset({Role.ADMIN, Role.AUDITOR})


class UsageReports:
    """Admins and auditors see their tenant's usage, those of the installation's own tenant everyone's;
    others see their own key's."""

    def __init__(self, ledger: UsageLedger, now: Callable[[], datetime] = utc_now) -> None:
        self._ledger = ledger
        self._now = now

    async def rows(self, principal: Principal, query: UsageQuery) -> Sequence[UsageRow]:
        _check(query)
        return await self._ledger.rows(_allowed(principal, query))

    def days(self, first: date | None, last: date | None) -> tuple[date, date]:
        """By default, this month so far."""
        until = last or today(self._now())
        return first or until.replace(day=1), until


def _check(query: UsageQuery) -> None:
    for name in query.group_by:
        if name not in GROUPINGS:
            known = ", ".join(GROUPINGS)
            raise InvalidArgument(f"group_by takes {known}", field="group_by", limit=known)
    if len(set(query.group_by)) != len(query.group_by):
        raise InvalidArgument("group_by names something twice", field="group_by")
    if not 0 <= (query.last - query.first).days < _MOST_DAYS:
        raise InvalidArgument(
            f"to must not be before from, and not {_MOST_DAYS} days or more after it",
            field="to",
            limit=f"{_MOST_DAYS} days",
        )


def _allowed(principal: Principal, query: UsageQuery) -> UsageQuery:
    """The query, narrowed to what the principal may see; refused where it asks for more by name."""
    sees_tenant = principal.has_any(_SEE_TENANT)
    if sees_tenant and principal.tenant == HOME_TENANT:
        return query
    if query.tenant not in (None, principal.tenant):
        raise PermissionDenied("you may see your own tenant's usage only", field="tenant")
    if sees_tenant:
        return replace(query, tenant=principal.tenant)
    if query.key_id not in (None, principal.key_id):
        raise PermissionDenied("you may see your own key's usage only", field="key")
    return replace(query, tenant=principal.tenant, key_id=principal.key_id)
