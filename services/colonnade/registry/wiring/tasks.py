"""Work that runs beside the server for as long as it serves."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)


@asynccontextmanager
async def beside(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each) for each in work]
    for task in tasks:
        task.add_done_callback(_told)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _told(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()):
        _LOG.error("work beside the server has ended until the next start", exc_info=error)
