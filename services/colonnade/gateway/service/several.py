"""Several prompts in one request: each goes its own way through the pipeline, and all answer at once."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TypeAlias

from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk, GenerationSpec
from colonnade.gateway.domain.guarding import GuardUse
from colonnade.gateway.domain.usage import Tally
from colonnade.gateway.service.pipeline import Pipeline

_ID_CHARACTERS = 120
"""Of the request's id, so that it stays one with a number behind it."""


def several(
    pipeline: Pipeline, exchange: Exchange, specs: Sequence[GenerationSpec]
) -> AsyncGenerator[Chunk, None]:
    """The chunks of all specs; answer ``i`` of spec ``s`` has the index ``s * n + i``.

    The first spec that fails ends all. ``exchange`` is told what is said of the request as a whole."""
    if len(specs) == 1:
        exchange.spec = specs[0]
        return pipeline.generate(exchange)
    return _together(pipeline, exchange, [_part_of(exchange, spec, at) for at, spec in enumerate(specs)])


def _part_of(exchange: Exchange, spec: GenerationSpec, number: int) -> Exchange:
    request_id = f"{exchange.request_id[:_ID_CHARACTERS]}-{number}"
    return replace(
        exchange,
        request_id=request_id,
        spec=spec,
        degraded=[],
        finishes={},
        lease=uuid.uuid4().hex,
        tally=Tally(),
    )


@dataclass(frozen=True, slots=True)
class _Ended:
    error: Exception | None = None


_Queue: TypeAlias = "asyncio.Queue[tuple[Exchange, Chunk] | _Ended]"


async def _together(
    pipeline: Pipeline, exchange: Exchange, parts: Sequence[Exchange]
) -> AsyncGenerator[Chunk, None]:
    queue: _Queue = asyncio.Queue(len(parts))
    first = exchange.asked.n
    for part in parts:
        part.whole = exchange.whole  # which is known by now
    tasks = [asyncio.create_task(_one(pipeline, each, at * first, queue)) for at, each in enumerate(parts)]
    try:
        running = len(tasks)
        while running:
            found = await queue.get()
            if not isinstance(found, _Ended):
                part, chunk = found
                exchange.target, exchange.degraded = part.target, part.degraded
                exchange.allowance = part.allowance
                if chunk.finish is not None:
                    exchange.guard = _guard_of(parts, first)
                yield chunk
            elif found.error is not None:
                raise found.error
            else:
                running -= 1
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        exchange.tokens = sum(part.tokens for part in parts)


def _guard_of(parts: Sequence[Exchange], first: int) -> GuardUse | None:
    uses = {at * first: part.guard for at, part in enumerate(parts) if part.guard is not None}
    return GuardUse.together(uses) if uses else None


async def _one(pipeline: Pipeline, part: Exchange, offset: int, queue: _Queue) -> None:
    try:
        async with aclosing(pipeline.generate(part)) as chunks:
            async for chunk in chunks:
                await queue.put((part, replace(chunk, index=offset + chunk.index)))
    except Exception as error:
        await queue.put(_Ended(error))
    else:
        await queue.put(_Ended())
