"""Calls at the same time."""

import asyncio

import pytest

from colonnade.ethics.adapting.together import batches, together


async def test_calls_are_under_way_at_the_same_time_and_come_in_their_order() -> None:
    met = asyncio.Barrier(3)

    async def call(number: int) -> int:
        async with asyncio.timeout(5):
            await met.wait()
        return number

    assert await together(call(each) for each in range(3)) == [0, 1, 2]


async def test_the_first_that_fails_ends_the_others() -> None:
    ended = asyncio.Event()

    async def waits() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await together([waits(), fails()])
    assert ended.is_set()


def test_batches_leave_nothing_out() -> None:
    assert list(batches([1, 2, 3, 4, 5], 2)) == [[1, 2], [3, 4], [5]]
    assert list(batches([], 2)) == []
