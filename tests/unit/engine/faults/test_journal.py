"""The note of who is in a forward, as the next process finds it."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.engine.faults import Journal, fingerprint

ONE, TWO, THREE = (fingerprint("model", "", [number]) for number in (1, 2, 3))


def test_a_new_journal_accuses_nobody(tmp_path: Path) -> None:
    assert Journal(tmp_path / "new" / "forward", 4).left_over == ()


def test_what_was_noted_is_found_by_the_next_process(tmp_path: Path) -> None:
    Journal(tmp_path / "forward", 4).begin([ONE, TWO])
    assert Journal(tmp_path / "forward", 4).left_over == (ONE, TWO)


def test_a_forward_that_ended_leaves_nothing(tmp_path: Path) -> None:
    first = Journal(tmp_path / "forward", 4)
    first.begin([ONE, TWO])
    first.end()
    assert Journal(tmp_path / "forward", 4).left_over == ()


def test_the_company_of_the_last_forward_is_what_is_found(tmp_path: Path) -> None:
    first = Journal(tmp_path / "forward", 4)
    for company in ([ONE, TWO, THREE], [TWO], [TWO], [THREE, ONE]):
        first.begin(company)
        first.end()
    first.begin([TWO])
    assert Journal(tmp_path / "forward", 4).left_over == (TWO,)


def test_a_note_is_accused_once(tmp_path: Path) -> None:
    Journal(tmp_path / "forward", 4).begin([ONE])
    Journal(tmp_path / "forward", 4)
    assert Journal(tmp_path / "forward", 4).left_over == ()


def test_more_than_fit_are_cut(tmp_path: Path) -> None:
    Journal(tmp_path / "forward", 2).begin([ONE, TWO, THREE])
    assert Journal(tmp_path / "forward", 2).left_over == (ONE, TWO)


def test_the_note_outlives_a_process_that_is_killed(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        Journal(tmp_path / "forward", 4).begin([TWO, THREE])
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert Journal(tmp_path / "forward", 4).left_over == (TWO, THREE)


@given(content=st.binary(max_size=200))
def test_any_content_is_read(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("journal") / "forward"
    path.write_bytes(content)
    assert all(len(each) == len(ONE) for each in Journal(path, 4).left_over)


@given(
    st.lists(st.integers(0, 2**40), max_size=5),
    st.lists(st.integers(0, 2**40), max_size=5),
    st.sampled_from(["", "a"]),
)
def test_fingerprints_are_equal_for_equal_requests_only(
    tokens: list[int], others: list[int], adapter: str
) -> None:
    same = (tokens, adapter) == (others, "")
    assert (fingerprint("m", adapter, tokens) == fingerprint("m", "", others)) is same
