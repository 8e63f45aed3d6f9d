"""API keys: made, listed, rotated and revoked by admins, each act recorded before it is done."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from colonnade.errors import Conflict, InvalidArgument, NotFound, PermissionDenied
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.keys import IssuedKey, KeyOrder, KeyRecord
from colonnade.gateway.ports import Audit, KeyStore
from colonnade.gateway.service.doorkeeper import Doorkeeper, utc_now
from colonnade.gateway.service.once import Once
from colonnade.security import keys
from colonnade.security.audit import privileged
from colonnade.security.identity import HOME_TENANT, Principal, Role

_SHORTEST = timedelta(seconds=1)
_LONGEST = timedelta(days=3660)


class Keys:
    def __init__(
        self,
        store: KeyStore,
        audit: Audit,
        doorkeeper: Doorkeeper,
        has_bootstrap_key: bool = False,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._audit = audit
        self._doorkeeper = doorkeeper
        self._has_bootstrap_key = has_bootstrap_key
        self._now = now
        self._once: Once[IssuedKey] = Once()

    async def create(self, caller: Caller, order: KeyOrder) -> IssuedKey:
        """A new key with its secret; for ten minutes, the same idempotency key gives the same again."""
        _check_grant(caller.principal, order)
        if not self._has_bootstrap_key and not await self._store.ever():
            _check_first(order)

        async def make() -> IssuedKey:
            return await self._issue(caller, order)

        return await self._idempotently(order, order, make)

    async def records(self, principal: Principal) -> Sequence[KeyRecord]:
        """The keys that ``principal`` may see: its tenant's, or every tenant's for the installation's own."""
        return await self._store.records(_scope(principal))

    async def revoke(self, caller: Caller, key_id: str) -> None:
        """The key is refused from now on. Revoking it again changes nothing."""
        record = await self._found(caller.principal, key_id)
        if record.key.revoked_at is not None:
            return
        await self._check_not_last(record)
        facts = {"key_id": key_id, "tenant": record.key.tenant, "request_id": caller.request_id}
        async with privileged(self._audit, "key.revoke", caller.principal, acknowledge=False, **facts):
            await self._store.revoke(key_id, self._now())
            self._doorkeeper.changed(key_id)

    async def rotate(
        self, caller: Caller, key_id: str, grace_seconds: int = 0, idempotency_key: str = ""
    ) -> IssuedKey:
        """A successor with the same scope; the old key holds for ``grace_seconds`` more."""
        old = await self._found(caller.principal, key_id)
        key = old.key
        order = KeyOrder(key.tenant, key.roles, key.subject, key.name, idempotency_key=idempotency_key)

        async def make() -> IssuedKey:
            if not key.usable(self._now()):
                raise Conflict("the key is revoked or expired; create a new one", field="id")
            return await self._issue(caller, order, old, timedelta(seconds=grace_seconds))

        return await self._idempotently(order, (key_id, grace_seconds), make)

    async def _idempotently(self, order: KeyOrder, fingerprint: object, make: "_Make") -> IssuedKey:
        if not order.idempotency_key:
            return await make()

        async def first() -> IssuedKey:
            made = await self._store.find_idempotent(order.tenant, order.idempotency_key)
            if made is not None:
                raise Conflict(
                    f"this idempotency-key already made the key {made.id}, whose secret is shown only once; "
                    "rotate it to get another",
                    field="idempotency-key",
                    id=made.id,
                )
            return await make()

        return await self._once.run((order.tenant, order.idempotency_key), fingerprint, first)

    async def _issue(
        self, caller: Caller, order: KeyOrder, old: KeyRecord | None = None, grace: timedelta = timedelta(0)
    ) -> IssuedKey:
        now = self._now()
        key, credential = keys.issue(
            order.tenant,
            order.roles,
            now,
            subject=order.subject,
            name=order.name,
            lifetime=_lifetime(order, old, now),
        )
        record = KeyRecord(
            key,
            created_by=caller.principal.full_name,
            replaces=old.id if old else "",
            idempotency_key=order.idempotency_key,
        )
        facts = {
            "key_id": record.id,
            "tenant": key.tenant,
            "roles": sorted(role.value for role in key.roles),
            "replaces": record.replaces,
            "request_id": caller.request_id,
        }
        action = "key.rotate" if old else "key.create"
        async with privileged(self._audit, action, caller.principal, acknowledge=False, **facts):
            await self._store.add(record, now + grace if old else None)
            for changed in filter(None, (record.id, record.replaces)):
                self._doorkeeper.changed(changed)
        return IssuedKey(record, str(credential))

    async def _found(self, principal: Principal, key_id: str) -> KeyRecord:
        record = await self._store.find(key_id)
        if record is None or _scope(principal) not in (None, record.key.tenant):
            raise NotFound("there is no such key; `GET /keys` lists them", field="id")
        return record

    async def _check_not_last(self, record: KeyRecord) -> None:
        """Nobody could manage keys any more."""
        if self._has_bootstrap_key or not record.manages_all:
            return
        now = self._now()
        others = await self._store.records(HOME_TENANT)
        if not any(other.manages_all and other.key.usable(now) and other.id != record.id for other in others):
            raise Conflict(
                "this is the last admin key; rotate it, or create another admin key first", field="id"
            )


def _scope(principal: Principal) -> str | None:
    return None if principal.tenant == HOME_TENANT else principal.tenant


def _check_grant(principal: Principal, order: KeyOrder) -> None:
    if _scope(principal) not in (None, order.tenant):
        raise PermissionDenied("your key manages the keys of its own tenant only", field="tenant")


def _check_first(order: KeyOrder) -> None:
    if order.tenant != HOME_TENANT or Role.ADMIN not in order.roles:
        raise InvalidArgument(
            f"the first key must have the role admin in the tenant {HOME_TENANT}: "
            "once there is a key, only such a key can make others",
            field="roles",
            limit="admin",
        )


def _lifetime(order: KeyOrder, old: KeyRecord | None, now: datetime) -> timedelta | None:
    """A rotated key lives as long as the old one was made to."""
    if old is not None:
        return None if old.key.expires_at is None else old.key.expires_at - old.key.created_at
    if order.expires_at is None:
        return None
    if not _SHORTEST <= order.expires_at - now <= _LONGEST:
        raise InvalidArgument(
            f"expires_at must be between {_SHORTEST.seconds} seconds and {_LONGEST.days} days from now",
            field="expires_at",
            limit=f"{_LONGEST.days} days",
        )
    return order.expires_at - now


_Make = Callable[[], Awaitable[IssuedKey]]
