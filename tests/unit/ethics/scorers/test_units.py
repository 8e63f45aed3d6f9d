"""Units of a text are the same wherever it is cut, and none is longer than what is promised."""

from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.ethics.ports import Stretch
from colonnade.ethics.scorers.units import LEAST, MOST, pieces, trimmed, units_of

TEXTS = st.lists(
    st.sampled_from(["word", "a", "x" * 90, "Yes.", "No! ", '"So?" ', "\n", " ", "... ", "é"]), max_size=200
).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.integers(min_value=0, max_value=2000))
def test_a_text_that_arrives_in_two_pieces_has_the_same_units(text: str, cut: int) -> None:
    whole, settled = units_of(Stretch(text, 0, last=True))
    first, place = units_of(Stretch(text[:cut], 0, last=cut >= len(text)))
    rest, _ = units_of(Stretch(text, place, last=True))
    assert [*first, *rest] == [*whole]
    assert len(text[:cut]) - place < MOST
    assert settled == len(text)
    assert all(0 < end - start <= MOST for start, end in whole)


def test_short_sentences_are_judged_together_and_long_ones_alone() -> None:
    short, long = "So it goes. " * 10, "w" * LEAST + " and so on. "
    assert pieces(short) == [short.strip()]
    assert len(pieces(long * 3)) == 3


def test_what_has_no_end_is_cut_between_words_and_else_at_the_bound() -> None:
    assert all(not piece.startswith("ord") for piece in pieces("word " * 300))
    assert [len(piece) for piece in pieces("x" * 1000)] == [MOST, MOST, 40]


def test_white_space_around_a_unit_is_no_part_of_it() -> None:
    assert trimmed("a  b c \n", 1, 8) == (3, 6)
    assert trimmed("a   ", 1, 4) is None
