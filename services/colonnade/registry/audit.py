"""Every change is in the audit trail before it is acknowledged, and announced in it before it is made."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from colonnade.errors import ColonnadeError
from colonnade.registry.ports import AuditTrail
from colonnade.security.identity import Principal


@asynccontextmanager
async def audited(
    trail: AuditTrail, action: str, principal: Principal, **facts: str | int
) -> AsyncIterator[dict[str, str | int]]:
    """Records ``begun``, then how it ended. What the body puts into the dictionary joins the last record.

    Where the trail cannot be written, nothing is begun.
    """
    await trail.record(action, principal, "begun", **facts)
    outcome = "failed"
    learnt: dict[str, str | int] = {}
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
        await asyncio.shield(trail.record(action, principal, outcome, **facts, **learnt))
