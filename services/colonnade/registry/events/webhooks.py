"""What admins ask of webhooks."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from colonnade.errors import InvalidArgument
from colonnade.registry.events.messages import new_secret
from colonnade.registry.events.ports import Deliverer, Wanted, WebhookStore
from colonnade.registry.events.secrets import WebhookSecrets
from colonnade.registry.events.webhook import Webhook
from colonnade.registry.ports import AuditTrail
from colonnade.registry.service import actor, utc_now
from colonnade.security.audit import privileged
from colonnade.security.identity import HOME_TENANT, Principal
from colonnade.security.inputs.once import Once

MAX_WEBHOOKS = 100


@dataclass(frozen=True, slots=True)
class WebhookOrder:
    url: str
    models: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    after: int | None = None
    """None: from now on."""
    idempotency_key: str = ""


class Webhooks:
    def __init__(
        self,
        store: WebhookStore,
        secrets: WebhookSecrets,
        deliverer: Deliverer,
        trail: AuditTrail,
        *,
        wake: Callable[[], None] = lambda: None,
        most: int = MAX_WEBHOOKS,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """``wake`` tells who delivers that there is something to do."""
        self._store = store
        self._secrets = secrets
        self._deliverer = deliverer
        self._trail = trail
        self._wake = wake
        self._most = most
        self._clock = clock

    async def create(self, order: WebhookOrder, principal: Principal) -> tuple[Webhook, str]:
        """With its secret, which nothing else shows."""
        wanted = Wanted.checked(order.models, order.kinds)
        if order.after is not None and abs(order.after) >= 2**53:
            raise InvalidArgument("after must be below 2**53", field="after", limit=2**53)
        by = actor(principal)
        webhook = Webhook(
            f"wh_{uuid.uuid4().hex}", principal.tenant, order.url, wanted.models, wanted.kinds,
            "", self._clock(), by,
        )  # fmt: skip
        webhook = replace(webhook, sealed=self._secrets.seal(webhook, new_secret()))
        facts = {"url": order.url, "models": ",".join(order.models), "kinds": ",".join(order.kinds)}
        async with privileged(
            self._trail, "registry.webhook.create", principal, acknowledge=True, **facts
        ) as learnt:
            self._deliverer.check(order.url)
            made = await self._store.add(webhook, order.after, _once(order, by), most=self._most)
            learnt["webhook"] = made.id
        self._wake()
        return made, self._secrets.open(made)

    async def all(self, principal: Principal) -> tuple[Sequence[Webhook], int]:
        """The caller's tenant's, or all for the installation's own; and the newest event's number."""
        return await self._store.all(_scope(principal))

    async def delete(self, webhook_id: str, principal: Principal) -> None:
        async with privileged(
            self._trail, "registry.webhook.delete", principal, acknowledge=True, webhook=webhook_id
        ):
            await self._store.delete(webhook_id, _scope(principal))

    async def resume(self, webhook_id: str, principal: Principal) -> Webhook:
        """Has it tried again at once, from where it stopped."""
        async with privileged(
            self._trail, "registry.webhook.resume", principal, acknowledge=True, webhook=webhook_id
        ):
            resumed = await self._store.resume(webhook_id, _scope(principal))
        self._wake()
        return resumed


def _scope(principal: Principal) -> str:
    return "" if principal.tenant == HOME_TENANT else principal.tenant


def _once(order: WebhookOrder, owner: str) -> Once | None:
    asked = (order.url, ",".join(order.models), ",".join(order.kinds), str(order.after))
    return Once.of(owner, order.idempotency_key, *asked)
