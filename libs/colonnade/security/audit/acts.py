"""Privileged acts: what cannot be recorded is not done."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from colonnade.errors import ColonnadeError
from colonnade.security.identity import Principal


class Trail(Protocol):
    """``AuditLog`` is one."""

    async def record(self, action: str, principal: Principal, outcome: str, **facts: Any) -> object:
        """Returns when the record is on the disk. Raises ``Unavailable`` where that cannot be."""
        ...

    def note(self, action: str, principal: Principal, outcome: str, **facts: Any) -> None:
        """Writes the record soon; where it cannot be written, nobody is stopped."""
        ...


@asynccontextmanager
async def privileged(
    trail: Trail, action: str, principal: Principal, *, acknowledge: bool, **facts: Any
) -> AsyncIterator[dict[str, Any]]:
    """Records ``begun`` before the block runs, and afterwards how it ended: ``ok``, ``refused``,
    ``cancelled`` or ``failed``. What the block puts into the dictionary joins the last record.

    Raises ``Unavailable``, and never runs the block, where the first record cannot be written. With
    ``acknowledge`` also where the last one cannot: the act is done, but nobody is told so. Without, the last
    one is only noted.
    """
    await trail.record(action, principal, "begun", **facts)
    outcome = "failed"
    learnt: dict[str, Any] = {}
    try:
        yield learnt
        outcome = "ok"
    except (asyncio.CancelledError, GeneratorExit):
        outcome = "cancelled"
        raise
    except ColonnadeError as error:
        outcome = "refused"
        learnt["code"] = error.code.value
        raise
    finally:
        if acknowledge:
            await asyncio.shield(trail.record(action, principal, outcome, **facts, **learnt))
        else:
            trail.note(action, principal, outcome, **facts, **learnt)
