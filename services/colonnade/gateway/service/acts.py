"""Privileged acts: what cannot be recorded is not done."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from colonnade.errors import ColonnadeError
from colonnade.gateway.ports import Audit
from colonnade.security.identity import Principal


@asynccontextmanager
async def privileged(audit: Audit, action: str, principal: Principal, **facts: Any) -> AsyncIterator[None]:
    """Records the attempt before the block runs, and its outcome afterwards.

    Raises ``Unavailable``, and never runs the block, where the record cannot be written.
    """
    await audit.record(action, principal, "begun", **facts)
    try:
        yield
    except ColonnadeError as error:
        audit.note(action, principal, "refused", code=error.code.value, **facts)
        raise
    except (asyncio.CancelledError, GeneratorExit):
        audit.note(action, principal, "cancelled", **facts)
        raise
    except BaseException:
        audit.note(action, principal, "failed", **facts)
        raise
    audit.note(action, principal, "ok", **facts)
