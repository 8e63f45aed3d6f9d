"""Calls that wait for each other's ends, so that an engine answers them in one batch."""

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from typing import TypeVar

_T = TypeVar("_T")


async def together(calls: Iterable[Awaitable[_T]]) -> Sequence[_T]:
    """What they come to, in their order. The first that fails ends the others, and is raised."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def batches(found: Sequence[_T], most: int) -> Iterator[Sequence[_T]]:
    """In their order, as many at once."""
    for at in range(0, len(found), most):
        yield found[at : at + most]
