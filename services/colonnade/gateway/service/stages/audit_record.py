"""What remains: a record of who asked which version, never of what was said."""

from typing import Any

from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.guarding import GuardUse
from colonnade.gateway.ports import Audit
from colonnade.gateway.service.pipeline import Stage


class AuditRecord(Stage):
    """Notes everything that was asked of a model, whatever became of it."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    async def after(self, exchange: Exchange) -> None:
        target, finish = exchange.target, exchange.finish
        reused = exchange.cached is not None and exchange.cached.reused
        outcome = exchange.failure or (finish.reason if finish else "cancelled")
        self._audit.note(
            exchange.wanted.action,
            exchange.principal,
            outcome,
            request_id=exchange.request_id,
            model=target.name if target else "",
            version=target.version if target else 0,
            digest=target.digest if target else "",
            adapter=target.adapter.digest if target and target.adapter else "",
            prompt_tokens=finish.usage.prompt_tokens if finish else 0,
            completion_tokens=exchange.tokens,
            **({"cached": exchange.cached.kind} if reused and exchange.cached else {}),
            **_guarded(exchange.guard),
        )


def _guarded(use: GuardUse | None) -> dict[str, Any]:
    """By which policy it was judged, and which rules acted."""
    if use is None:
        return {}
    judged: dict[str, Any] = {"policy": use.policy, "policy_version": use.version, "rules": use.rules}
    return judged | ({"unguarded": True} if use.unavailable else {})
