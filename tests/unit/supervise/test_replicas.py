"""How many engines, as people say it."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import InvalidArgument
from colonnade.supervise.replicas import MOST, Replicas

numbers = st.integers(1, MOST)


@given(st.tuples(numbers, numbers).map(sorted))
def test_what_is_shown_can_be_read_again(pair: list[int]) -> None:
    replicas = Replicas(*pair)
    assert Replicas.parse(str(replicas)) == replicas
    assert replicas.fixed == (pair[0] == pair[1])


@given(st.text(max_size=12))
def test_a_text_is_read_or_refused(text: str) -> None:
    with suppress(InvalidArgument):
        replicas = Replicas.parse(text)
        assert 1 <= replicas.least <= replicas.most <= MOST


@pytest.mark.parametrize(
    "text", ["", "0", "2:1", "0:3", ":", "1:", ":2", "1:2:3", "-1", "1.5", f"1:{MOST + 1}"]
)
def test_what_is_no_number_of_engines_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="such as 2 or 1:4"):
        Replicas.parse(text)
