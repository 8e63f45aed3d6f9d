"""Sessions end when they should, and wrong keys run out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.client import AsyncColonnade
from colonnade.console.sessions import Attempts, Sessions
from colonnade.errors import Overloaded, Unauthenticated, Unavailable
from tests.unit.console.conftest import ANN, Clock


def client() -> AsyncColonnade:
    return AsyncColonnade("http://gateway:8080", "ck_x")


async def test_a_session_is_found_until_its_time_is_over(sessions: Sessions, clock: Clock) -> None:
    session = await sessions.begin(client(), ANN)
    assert sessions.find(session.id) is session
    clock.now += 3599
    assert sessions.alive(session)
    clock.now += 1
    assert sessions.find(session.id) is None
    await sessions.sweep()
    assert len(sessions) == 0
    assert session.client._http.is_closed, "its key is forgotten with it"


async def test_ending_is_for_good_and_may_be_said_twice(sessions: Sessions) -> None:
    session = await sessions.begin(client(), ANN)
    await sessions.end(session)
    await sessions.end(session)
    assert not sessions.alive(session)
    assert sessions.find(session.id) is None


async def test_the_oldest_makes_room(sessions: Sessions, clock: Clock) -> None:
    begun = []
    for _ in range(4):
        clock.now += 1
        begun.append(await sessions.begin(client(), ANN))
    assert [sessions.find(each.id) is not None for each in begun] == [False, True, True, True]


async def test_ids_cannot_be_guessed_and_are_not_shown(sessions: Sessions) -> None:
    one, other = [await sessions.begin(client(), ANN) for _ in range(2)]
    assert len(one.id) >= 43
    assert one.id != other.id
    assert one.id not in repr(one)
    assert sessions.find("") is None


def wrong(attempts: Attempts, address: str) -> None:
    with pytest.raises(Unauthenticated), attempts.trying(address):
        raise Unauthenticated("no")


def test_so_many_wrong_keys_a_minute_from_one_address() -> None:
    clock = Clock()
    attempts = Attempts(2, clock)
    for _ in range(2):
        wrong(attempts, "a")
    with pytest.raises(Overloaded, match="60 seconds"), attempts.trying("a"):
        raise AssertionError("not reached")
    assert attempts.wait_seconds("b") == 0
    clock.now += 60
    assert attempts.wait_seconds("a") == 0


def test_tries_at_once_are_no_more_than_one_after_another() -> None:
    attempts = Attempts(2, Clock())
    with attempts.trying("a"), attempts.trying("a"):
        assert attempts.wait_seconds("a") == 60
    assert attempts.wait_seconds("a") == 0, "neither was wrong"


def test_what_is_no_wrong_key_is_taken_back() -> None:
    attempts = Attempts(1, Clock())
    with pytest.raises(Unavailable), attempts.trying("a"):
        raise Unavailable("away")
    assert attempts.wait_seconds("a") == 0


def test_many_addresses_do_not_help() -> None:
    attempts = Attempts(2, Clock())
    for number in range(40):
        wrong(attempts, str(number))
    assert attempts.wait_seconds("another") == 60


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 30)), max_size=60))
def test_in_no_minute_are_there_more_than_allowed(tries: list[tuple[str, float]]) -> None:
    clock = Clock()
    attempts = Attempts(3, clock)
    failed: dict[str, list[float]] = {}
    for address, pause in tries:
        clock.now += pause
        if attempts.wait_seconds(address) == 0:
            wrong(attempts, address)
            failed.setdefault(address, []).append(clock.now)
    for moments in failed.values():
        for first in moments:
            assert sum(first <= other < first + 60 for other in moments) <= 3
