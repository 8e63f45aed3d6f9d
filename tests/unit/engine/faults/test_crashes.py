"""Who is suspected, who is refused, and for how long."""

from pathlib import Path

import pytest

from colonnade.engine.faults import CrashBook, fingerprint
from colonnade.engine.faults.crashes import REMEMBERED
from colonnade.errors import InvalidArgument

HOUR = 3600.0
POISON, NEIGHBOUR, STRANGER = (fingerprint("model", "", [number]) for number in (1, 2, 3))


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "engine" / "crashes.json"


def book(path: Path, clock: Clock) -> CrashBook:
    return CrashBook(path, HOUR, clock)


def test_nobody_is_suspected_at_first(path: Path, clock: Clock) -> None:
    assert not book(path, clock).suspected(POISON)


def test_all_of_a_fatal_forward_are_suspected_by_the_next_process(path: Path, clock: Clock) -> None:
    book(path, clock).died_with([POISON, NEIGHBOUR])
    after = book(path, clock)
    assert after.suspected(POISON)
    assert after.suspected(NEIGHBOUR)
    assert not after.suspected(STRANGER)


def test_the_second_death_refuses(path: Path, clock: Clock) -> None:
    book(path, clock).died_with([POISON, NEIGHBOUR])
    book(path, clock).died_with([POISON])
    after = book(path, clock)
    with pytest.raises(InvalidArgument, match=r"died 2 times.*60 minutes") as refusal:
        after.suspected(POISON)
    assert refusal.value.details["field"] == "prompt"
    assert after.suspected(NEIGHBOUR)


def test_who_comes_through_is_forgotten(path: Path, clock: Clock) -> None:
    first = book(path, clock)
    first.died_with([NEIGHBOUR])
    first.came_through(NEIGHBOUR)
    assert not book(path, clock).suspected(NEIGHBOUR)
    assert len(book(path, clock)) == 0


def test_a_refusal_ends(path: Path, clock: Clock) -> None:
    for _ in range(2):
        book(path, clock).died_with([POISON])
    clock.now += HOUR
    assert not book(path, clock).suspected(POISON)


def test_twice_in_one_forward_is_one_death(path: Path, clock: Clock) -> None:
    book(path, clock).died_with([POISON, POISON])
    assert book(path, clock).suspected(POISON)


def test_the_record_is_bounded(path: Path, clock: Clock) -> None:
    one = book(path, clock)
    one.died_with(number.to_bytes(32, "big") for number in range(REMEMBERED + 20))
    clock.now += 1
    one.died_with([POISON])
    assert len(book(path, clock)) == REMEMBERED
    assert book(path, clock).suspected(POISON)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"ab": 3}', '{"ab": {"deaths": 1}}', "null"])
def test_a_record_that_cannot_be_read_begins_anew(path: Path, clock: Clock, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content)
    one = book(path, clock)
    assert not one.suspected(POISON)
    one.died_with([POISON])
    assert book(path, clock).suspected(POISON)
