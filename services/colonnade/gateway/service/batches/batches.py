"""Batches: made, listed, shown and cancelled by their tenant; the runner does the rest."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from colonnade.errors import Conflict, InvalidArgument, NotFound
from colonnade.gateway.domain.batches import Batch
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.files import PageQuery, Purpose
from colonnade.gateway.ports import Audit, BatchStore
from colonnade.gateway.service.batches.bounds import Bounds
from colonnade.gateway.service.batches.files import Files
from colonnade.gateway.service.doorkeeper import Doorkeeper, utc_now
from colonnade.security.identity import Principal


@dataclass(frozen=True, slots=True)
class BatchOrder:
    """A batch to be made."""

    input_file_id: str
    endpoint: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    idempotency_key: str = ""


class Batches:
    def __init__(
        self,
        store: BatchStore,
        files: Files,
        doorkeeper: Doorkeeper,
        audit: Audit,
        bounds: Bounds,
        wake: Callable[[], None],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """``wake`` tells the runner of this process that there is something to do."""
        self._store = store
        self._files = files
        self._doorkeeper = doorkeeper
        self._audit = audit
        self._bounds = bounds
        self._wake = wake
        self._now = now

    async def create(self, caller: Caller, order: BatchOrder) -> Batch:
        """A batch that waits for its turn. Whoever may not call the endpoint may not do so in a batch."""
        principal = caller.principal
        self._doorkeeper.authorise(principal, f"POST {order.endpoint}")
        if (known := await self._known(principal, order)) is not None:
            return known
        if (await self._files.get(principal, order.input_file_id)).purpose is not Purpose.BATCH:
            raise InvalidArgument(
                f"{order.input_file_id} was not uploaded with the purpose batch", field="input_file_id"
            )
        batch = self._new(principal, order)
        await self._store.add(batch)
        self._note("batches.create", caller, batch)
        self._wake()
        return batch

    async def get(self, principal: Principal, batch_id: str) -> Batch:
        found = await self._store.find(principal.tenant, batch_id)
        if found is None:
            raise NotFound(f"there is no batch {batch_id}", field="batch_id")
        return found

    async def page(self, principal: Principal, query: PageQuery) -> Sequence[Batch]:
        """One more than the limit, if there is one."""
        return await self._store.page(principal.tenant, query)

    async def cancel(self, caller: Caller, batch_id: str) -> Batch:
        """Ends what is under way; what is done stays. ``Conflict`` where the batch has ended otherwise."""
        found = await self.get(caller.principal, batch_id)
        now = self._now()
        batch = await self._store.change(found.id, lambda each: each.cancelled(now))
        self._note("batches.cancel", caller, batch)
        self._wake()
        return batch

    async def _known(self, principal: Principal, order: BatchOrder) -> Batch | None:
        if not order.idempotency_key:
            return None
        found = await self._store.find_idempotent(principal.tenant, order.idempotency_key)
        if found and (found.input_file_id, found.endpoint) != (order.input_file_id, order.endpoint):
            raise Conflict(
                "this idempotency-key was used for a different batch; use a new one", field="idempotency-key"
            )
        return found

    def _new(self, principal: Principal, order: BatchOrder) -> Batch:
        now = self._now()
        return Batch(
            id=f"batch_{uuid.uuid4().hex}",
            tenant=principal.tenant,
            subject=principal.subject,
            key_id=principal.key_id,
            endpoint=order.endpoint,
            input_file_id=order.input_file_id,
            created_at=now,
            expires_at=now + timedelta(seconds=self._bounds.window_seconds),
            metadata=order.metadata,
            idempotency_key=order.idempotency_key,
        )

    def _note(self, action: str, caller: Caller, batch: Batch) -> None:
        facts = {"batch_id": batch.id, "endpoint": batch.endpoint, "request_id": caller.request_id}
        self._audit.note(action, caller.principal, "ok", **facts)
