"""An answer in one message, for who shows nothing of it before its end."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import replace

from colonnade.api.inference.v1 import inference_pb2 as wire
from colonnade.errors import ColonnadeError, DeadlineExceeded
from colonnade.rpc import CallContext, bound, current


class Parts:
    """One message of each answer, in the order in which they end."""

    def __init__(self, *, listed: bool) -> None:
        """``listed``: every token is named; else they are counted."""
        self._listed = listed
        self._open: dict[int, wire.GenerateResponse] = {}
        self._texts: dict[int, list[str]] = {}
        self._ended: list[wire.GenerateResponse] = []

    def add(self, response: wire.GenerateResponse) -> None:
        chunk, index = response.chunk, response.chunk.index
        part = self._open.get(index)
        if part is None:
            part = self._open[index] = wire.GenerateResponse()
            self._texts[index] = []
        self._texts[index].append(chunk.text)
        if not self._listed:
            part.unlisted_tokens += len(chunk.tokens)
            chunk.ClearField("tokens")
        part.MergeFrom(response)
        if chunk.HasField("finish"):
            self._end(index)

    def all(self) -> list[wire.GenerateResponse]:
        """Those that have not ended come last."""
        for index in list(self._open):
            self._end(index)
        return self._ended

    def _end(self, index: int) -> None:
        part = self._open.pop(index)
        part.chunk.text = "".join(self._texts.pop(index))
        self._ended.append(part)


async def collected(
    responses: AsyncGenerator[wire.GenerateResponse], *, listed: bool, seconds: float
) -> wire.GenerateWholeResponse:
    """All that comes within ``seconds`` (0: however long it takes). Raises what is raised before anything
    came; what is raised later stands beside the parts."""
    parts, fault = Parts(listed=listed), None
    began = False
    try:
        async with aclosing(responses), _within(seconds):
            async for response in responses:
                began = True
                parts.add(response)
    except ColonnadeError as error:
        if not began:
            raise
        details = json.dumps(error.details, default=str)
        fault = wire.Fault(code=error.code.value, message=error.message, details=details)
    return wire.GenerateWholeResponse(parts=parts.all(), fault=fault)


@contextmanager
def for_at_most(seconds: float) -> Iterator[CallContext]:
    """The call that is being served, with a deadline of its own that comes sooner; 0: with the call's."""
    call = current()
    if seconds <= 0:
        yield call
        return
    soonest = time.monotonic() + seconds
    if call.deadline is not None:
        soonest = min(soonest, call.deadline)
    with bound(replace(call, deadline=soonest)) as limited:
        yield limited


@asynccontextmanager
async def _within(seconds: float) -> AsyncIterator[None]:
    """``DeadlineExceeded`` where the block takes longer."""
    try:
        async with asyncio.timeout(seconds if seconds > 0 else None):
            yield
    except TimeoutError:
        raise DeadlineExceeded(
            f"the answer was not complete within {seconds:g} seconds", limit=seconds
        ) from None
