"""What people and services ask of evaluations."""

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import datetime

from colonnade.errors import InvalidArgument, NotFound
from colonnade.registry.domain import Reference, unknown_model
from colonnade.registry.evaluations.evaluation import Evaluation, Measured, check_measured, evaluation_id
from colonnade.registry.evaluations.ports import EvaluationStore
from colonnade.registry.owners import Owners
from colonnade.registry.ports import AuditTrail, VersionStore
from colonnade.registry.service import actor, utc_now
from colonnade.security.audit import privileged
from colonnade.security.identity import Principal
from colonnade.security.inputs import check_text, idempotency_key, model_name
from colonnade.security.inputs.catalogue import MAX_PAGE_SIZE
from colonnade.security.inputs.once import Once

PAGE_SIZE = 50


class Evaluations:
    def __init__(
        self,
        store: EvaluationStore,
        versions: VersionStore,
        owners: Owners,
        trail: AuditTrail,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._versions = versions
        self._owners = owners
        self._trail = trail
        self._clock = clock

    async def record(self, measured: Measured, principal: Principal, key: str = "") -> Evaluation:
        model_name(measured.model, "model")
        check_measured(measured)
        by, now = actor(principal), self._clock()
        once = _once(measured, key, by) if key else None
        evaluation = Evaluation(evaluation_id(now), measured, by, now)
        facts = {"model": measured.model, "version": measured.version, "suite": measured.suite}
        async with privileged(
            self._trail, "registry.evaluation.record", principal, acknowledge=True, **facts
        ) as learnt:
            await self._check_version(measured.model, measured.version)
            await self._owners.check(measured.model, principal)
            kept = await self._store.record(evaluation, once=once)
            learnt["evaluation"] = kept.id
            return kept

    async def page(
        self, model: str, version: int, *, page_size: int = 0, page_token: str = ""
    ) -> tuple[Sequence[Evaluation], str]:
        """Newest first, and the token of the next page, if there is one. Version 0: of all."""
        if not 0 <= page_size <= MAX_PAGE_SIZE:
            raise InvalidArgument(
                f"page_size must be 0 to {MAX_PAGE_SIZE}", field="page_size", limit=MAX_PAGE_SIZE
            )
        check_text(page_token, "page_token", 128, allow_empty=True, controls="line")
        if version:
            await self._check_version(model_name(model, "name"), version)
        elif await self._versions.find_model(model_name(model, "name")) is None:
            raise unknown_model(model)
        size = page_size or PAGE_SIZE
        found = await self._store.page(model, version, before=page_token, limit=size + 1)
        return found[:size], found[size - 1].id if len(found) > size else ""

    async def _check_version(self, model: str, version: int) -> None:
        if version < 1 or not await self._versions.find_targets(Reference(model, "", version)):
            raise NotFound(f"model {model} has no version {version}", field="version")


def _once(measured: Measured, key: str, owner: str) -> Once:
    facts = [
        measured.model, measured.version, measured.suite, measured.suite_digest, measured.outcome,
        measured.origin, dict(measured.results),
    ]  # fmt: skip
    asked = json.dumps(facts, sort_keys=True).encode()
    return Once(owner, idempotency_key(key, "idempotency_key"), hashlib.sha256(asked).hexdigest())
