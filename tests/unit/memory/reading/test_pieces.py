"""Texts in pieces: each stands where it says, and together they are all of it."""

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.memory.adapters.reading.pieces import Cut, pieces
from colonnade.memory.adapters.reading.reader import ChildReader
from colonnade.memory.domain.documents import Read

PARAGRAPH = "The sky is blue. The sea is deep, and nobody knows how deep. "
_TEXTS = st.text(
    st.one_of(st.sampled_from("ab.#*|>-` \n\t"), st.characters(codec="utf-8", exclude_categories=["Cc"])),
    max_size=400,
) | st.lists(
    st.sampled_from(["# Head", "para graph.", "", "- item", "```", "| a | b |", "  x", "世界。"])
).map("\n".join)


def check(text: str, found: list[tuple[int, int, str]], most: int) -> None:
    end = 0
    for start, stop, piece in found:
        assert text[start:stop] == piece
        assert piece.strip()
        assert len(piece) <= most
        assert stop > end  # each has something new
        assert not text[end:start].strip()
        end = stop
    assert not text[end:].strip()


@settings(max_examples=300, deadline=None)
@given(text=_TEXTS, markdown=st.booleans(), characters=st.integers(1, 60), overlap=st.integers(0, 60))
def test_pieces_stand_where_they_say_and_are_all_of_it(
    text: str, markdown: bool, characters: int, overlap: int
) -> None:
    found = pieces(Read(text), markdown, Cut(characters, overlap))
    check(text, [(each.start, each.end, each.text) for each in found], characters)
    assert {each.page for each in found} <= {0}


@pytest.mark.parametrize("markdown", [False, True])
def test_long_texts_are_cut_where_sentences_end(markdown: bool) -> None:
    text = (PARAGRAPH * 15 + "\n\n") * 100
    found = pieces(Read(text), markdown, Cut())
    check(text, [(each.start, each.end, each.text) for each in found], 1000)
    assert len(found) < len(text) / 700
    assert all(each.text.endswith(".") for each in found)


def test_a_piece_has_the_end_of_the_one_before() -> None:
    text = PARAGRAPH * 100
    found = pieces(Read(text), False, Cut(characters=500, overlap=100))
    shared = [before.end - after.start for before, after in pairwise(found)]
    assert sum(0 < each <= 100 for each in shared) > len(shared) * 0.8
    apart = pieces(Read(text), False, Cut(characters=500, overlap=0))
    assert all(before.end <= after.start for before, after in pairwise(apart))


def test_headings_of_markdown_begin_pieces() -> None:
    text = "".join(f"# Heading {number}\n\n{PARAGRAPH * 10}\n\n" for number in range(5))
    found = pieces(Read(text), True, Cut(characters=900, overlap=0))
    assert sum(each.text.startswith("# Heading") for each in found) == 5


def test_pieces_of_pages_say_which() -> None:
    pages = [PARAGRAPH * 30, "", PARAGRAPH * 3]
    text = "\n\n".join(pages)
    starts = (0, len(pages[0]) + 2, len(pages[0]) + 4)
    found = pieces(Read(text, starts), False, Cut())
    check(text, [(each.start, each.end, each.text) for each in found], 1000)
    assert {each.page for each in found} == {1, 3}
    for each in found:
        assert each.page == (3 if each.start >= starts[2] else 1)


@pytest.mark.parametrize("media_type", ["text/plain", "text/markdown"])
@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "a\n\n" * 100_000,
        "a" + "\u0301" * 200_000,
        "[" * 200_000,
        "> " * 50_000,
        "* a\n" * 50_000,
    ],
    ids=["one word", "short paragraphs", "marks", "brackets", "quotes", "items"],
)
def test_what_is_made_to_take_long_does_not(text: str, media_type: str) -> None:
    begun = time.process_time()
    found = ChildReader().pieces(Read(text), media_type)
    assert time.process_time() - begun < 5
    check(text, [(each.start, each.end, each.text) for each in found], 1000)
