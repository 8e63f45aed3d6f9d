"""Which limits hold: a scope's own, and the installation's defaults where it has none."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from colonnade.gateway.domain.fair_use import Kind, Quota, Scope
from colonnade.gateway.ports import LimitStore
from colonnade.gateway.service.known import Known

_CACHED = 8192
_FRESH_SECONDS = 5.0
"""How long another process's change may go unnoticed; one of this process holds at once."""


class LimitBook:
    def __init__(
        self,
        store: LimitStore,
        defaults: Mapping[Kind, Quota],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self.defaults = defaults
        self._clock = clock
        self._known: OrderedDict[Scope, Known[Quota]] = OrderedDict()

    async def quotas(self, scopes: Sequence[Scope]) -> list[Quota]:
        """The limits that hold for each scope."""
        now = self._clock()
        unknown = [scope for scope in scopes if self._stale(scope, now)]
        if unknown:
            found = await self._store.find(unknown)
            for scope in unknown:
                own = found[scope].quota if scope in found else Quota()
                self._remember(scope, own.over(self.defaults[scope.kind]), now)
        return [self._known[scope].value for scope in scopes]

    def changed(self, scope: Scope) -> None:
        """Look it up afresh."""
        self._known.pop(scope, None)

    def _stale(self, scope: Scope, now: float) -> bool:
        known = self._known.get(scope)
        return known is None or known.due(now)

    def _remember(self, scope: Scope, quota: Quota, now: float) -> None:
        self._known[scope] = Known(quota, now, _FRESH_SECONDS)
        self._known.move_to_end(scope)
        if len(self._known) > _CACHED:
            self._known.popitem(last=False)
