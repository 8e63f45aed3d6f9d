"""Who may come in: API keys to principals, and principals to routes."""

import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from colonnade.errors import Unauthenticated
from colonnade.gateway.domain.keys import KeyRecord
from colonnade.gateway.ports import KeyStore
from colonnade.gateway.service.known import Known
from colonnade.security import access, keys
from colonnade.security.identity import HOME_TENANT, Principal, Role

_CACHED = 4096
_FRESH_SECONDS = 5.0
"""How long another process's revocation may go unnoticed; one of this process holds at once."""

_LOCAL = Principal(HOME_TENANT, "local", frozenset({Role.ADMIN}))
_BOOTSTRAP = Principal(HOME_TENANT, "bootstrap", frozenset({Role.ADMIN}), "bootstrap")


def utc_now() -> datetime:
    return datetime.now(UTC)


class Doorkeeper:
    """While no key was ever created, everyone who reaches the loopback address is the local admin."""

    def __init__(
        self,
        store: KeyStore,
        routes: Mapping[str, frozenset[Role]],
        bootstrap_key: str = "",
        now: Callable[[], datetime] = utc_now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._routes = routes
        self._bootstrap = bootstrap_key
        self._now = now
        self._clock = clock
        self._closed = bool(bootstrap_key)
        self._open: Known[bool] | None = None
        self._cache: OrderedDict[str, Known[KeyRecord | None]] = OrderedDict()
        self._used: dict[str, datetime] = {}

    async def is_open(self) -> bool:
        """Whether requests need no key. Once they do, they do for good."""
        now = self._clock()
        if not self._closed and (self._open is None or self._open.due(now)):
            ever = await self._store.ever()
            self._open = Known(not ever, now, _FRESH_SECONDS)
            self._closed = self._closed or ever
        return not self._closed

    def is_public(self, route: str) -> bool:
        return access.allowed(self._routes, route, None)

    def authorise(self, principal: Principal, route: str) -> None:
        """Raises ``PermissionDenied`` unless the access table lists the route for one of the roles."""
        access.check(self._routes, route, principal)

    def open_to(self, principal: Principal) -> list[str]:
        """The routes of the access table that ``authorise`` lets it call, sorted."""
        return access.open_to(self._routes, principal)

    async def identify(self, credential: str) -> tuple[Principal, bool]:
        """The principal behind an API key, and whether the key is pinned to its subject.

        Raises ``Unauthenticated``, always in the same words, whatever is wrong with the key. While no key is
        needed, what is none of ours is not looked at: clients made for other services cannot send nothing.
        """
        if keys.is_claimed(credential):
            return await self._holder(credential)
        if await self.is_open():
            return _LOCAL, False
        if credential:
            return await self._holder(credential)
        raise Unauthenticated("this call needs an API key; send `Authorization: Bearer ck_...`")

    async def holder_of(self, key_id: str) -> tuple[Principal, bool]:
        """The same for a key that was shown before: for work that goes on without its bearer.

        ``key_id`` is empty for what was asked for when the gateway asked for no key."""
        if not key_id and await self.is_open():
            return _LOCAL, False
        if self._bootstrap and key_id == _BOOTSTRAP.key_id:
            return _BOOTSTRAP, False
        record = await self._record(key_id) if key_id else None
        if record is None or not record.key.usable(self._now()):
            raise Unauthenticated(
                "the API key that asked for this is revoked or expired; ask again with another"
                if key_id
                else "this was asked for without an API key, and the gateway has one now; ask again with it"
            )
        return record.key.principal(), bool(record.key.subject)

    def changed(self, key_id: str) -> None:
        """A key was created or revoked here: look it up afresh."""
        self._closed = True
        self._cache.pop(key_id, None)

    async def flush(self) -> None:
        """Writes down when keys were last used. Called now and then, and at the end."""
        used, self._used = self._used, {}
        if used:
            await self._store.touch(used)

    async def _holder(self, text: str) -> tuple[Principal, bool]:
        if self._bootstrap and hmac.compare_digest(text.encode(), self._bootstrap.encode()):
            return _BOOTSTRAP, False
        credential = keys.parse(text)
        record = await self._record(credential.id)
        key = record.key if record else None
        principal = keys.authenticate(credential, key, self._now())
        self._used[credential.id] = self._now()
        return principal, bool(key and key.subject)

    async def _record(self, key_id: str) -> KeyRecord | None:
        now, known = self._clock(), self._cache.get(key_id)
        if known and not known.due(now):
            return known.value
        record = await self._store.find(key_id)
        self._cache[key_id] = Known(record, now, _FRESH_SECONDS)
        self._cache.move_to_end(key_id)
        if len(self._cache) > _CACHED:
            self._cache.popitem(last=False)
        return record
