"""Versions that were refused because they are not what they should be: put on record, whoever wanted them."""

from typing import Any, Protocol

from colonnade.errors import ColonnadeError, Unavailable
from colonnade.inference.domain import Ref
from colonnade.security.identity import Principal
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
INFERENCE = Principal.service("inference")


class AuditTrail(Protocol):
    """``colonnade.security.audit.AuditLog`` is one."""

    async def record(self, action: str, principal: Principal | None, outcome: str, **facts: Any) -> object:
        """Returns when the record is on the disk. Raises ``Unavailable`` where that cannot be."""
        ...


class Refusals:
    def __init__(self, trail: AuditTrail | None = None) -> None:
        """Without a ``trail`` only the log tells of them."""
        self._trail = trail

    async def heard(self, ref: Ref, error: ColonnadeError, engine: str = "") -> bool:
        """Whether the error says that a version, or a file or the manifest of it, is not to be trusted."""
        reason = error.details.get("integrity")
        if not reason:
            return False
        facts = {"model": ref.name, "version": ref.version, "digest": ref.digest, "engine": engine}
        facts |= {
            "reason": str(reason),
            "message": error.message,
            "field": str(error.details.get("field", "")),
        }
        _LOG.error("version refused", **facts)
        if self._trail:
            try:
                await self._trail.record("inference.version.refused", INFERENCE, "refused", **facts)
            except Unavailable as away:
                _LOG.error("refusal not on record", reason=away.message)  # it is refused all the same
        return True
