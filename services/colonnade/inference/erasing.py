"""What the inference service holds of people: answers that are kept, and its audit log."""

from collections.abc import Sequence

from colonnade.inference.caches.answers import Answers
from colonnade.rpc.erasure_servicer import Erased, Held
from colonnade.security.audit import AuditLog


class InferenceEraser:
    """Kept answers carry no names: all those of the person's tenant are forgotten."""

    def __init__(self, answers: Answers | None, trail: AuditLog) -> None:
        self._answers, self._trail = answers, trail

    async def erase(self, tenant: str, subject: str, erasure_id: str) -> Erased:
        forgotten = await self._answers.purge("", tenant) if self._answers else 0
        return Erased({"answers": forgotten, "audit_keys": await self._trail.erase(tenant, subject)})

    async def held(self) -> Sequence[Held]:
        """Nobody: answers are gone by themselves, and are in no backup."""
        return ()
