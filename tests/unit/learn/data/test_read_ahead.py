"""Reading ahead is asking early: same things, same order, same errors, no thread left."""

import threading
from collections.abc import Callable
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.learn.data.read_ahead import read_ahead


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "read-ahead"]


@settings(deadline=None, max_examples=40)
@given(start=st.integers(0, 50), count=st.integers(0, 30), depth=st.integers(0, 5))
def test_the_same_comes_in_the_same_order(start: int, count: int, depth: int) -> None:
    with read_ahead(lambda step: step * step, start, depth) as items:
        assert list(islice(items, count)) == [step * step for step in range(start, start + count)]
    assert threads() == []
    assert list(items) == []


def test_no_more_is_made_than_was_said() -> None:
    made: list[int] = []
    full = threading.Event()

    def make(step: int) -> int:
        made.append(step)
        if len(made) == 4:
            full.set()
        return step

    with read_ahead(make, 0, 2) as items:
        assert next(items) == 0
        assert full.wait(60)  # 0 taken, 1 and 2 in the queue, 3 in the thread's hand
    assert made == [0, 1, 2, 3]


def failing_at(bad: int) -> Callable[[int], int]:
    def make(step: int) -> int:
        if step == bad:
            raise LookupError(f"no step {bad}")
        return step

    return make


def test_an_error_comes_where_its_item_would_have_come() -> None:
    with read_ahead(failing_at(3), 0, 8) as items:
        assert [next(items), next(items), next(items)] == [0, 1, 2]
        with pytest.raises(LookupError, match="no step 3"):
            next(items)
        assert list(items) == []
    assert threads() == []


def test_an_error_nobody_came_to_is_nobodys() -> None:
    with read_ahead(failing_at(1), 0, 4) as items:
        assert next(items) == 0
    assert threads() == []


def test_the_thread_ends_when_its_user_fails() -> None:
    def use() -> None:
        with read_ahead(lambda step: step, 0, 1) as items:
            next(items)
            raise ValueError("the user's own")

    with pytest.raises(ValueError, match="the user's own"):
        use()
    assert threads() == []
