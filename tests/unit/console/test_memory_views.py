"""What is remembered, in words; documents, and what is cited from them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from colonnade.client import Document, Hit, Memory, Passage, Source, Why
from colonnade.console.views.documents import found_by, length_of
from colonnade.console.views.memories import (
    facts_of,
    goes_with,
    place_of,
    reasons_of,
    shortened,
    speaks_for_others,
    strength_of,
    tier_of,
    without_of,
)
from colonnade.console.views.passages import PAGE, Marked, first_window, marked
from tests.unit.console.conftest import ANN

AT = datetime(2030, 1, 31, 12, tzinfo=UTC)
SOURCE = Source("d1", "guide.pdf", 1200, 2150, 4)
FACT = Memory("m1", "fact", "long", "Gates close at eight.", created_at=AT, strength=0.5, embedded=True)
TURN = replace(FACT, kind="turn", tier="short", session="trip", role="user")
CHUNK = replace(FACT, kind="chunk", document=SOURCE, shared=True)
KEPT = Document("d1", "guide.pdf", "application/pdf", 10, "sha256:0", 12000, pages=3, chunks=4)


def test_a_fact_says_what_decides_how_long_it_stays() -> None:
    assert dict(facts_of(FACT)) == {
        "Kind": "fact",
        "Kept": "fades in months",
        "Remembered": "2030-01-31 12:00 UTC",
        "Importance": "0.5",
    }


def test_what_happened_to_it_since_is_told_where_something_did() -> None:
    used = replace(TURN, uses=2, used_at=AT, votes=-1, embedded=False, people=("Ben", "Cleo"))
    told = dict(facts_of(replace(used, made_of=("m2", "m3"))))
    assert told["Kind"] == "turn of the user"
    assert (told["Session"], told["With"]) == ("trip", "Ben, Cleo")
    assert (told["Used"], told["Votes"]) == ("2 times, last 2030-01-31", "-1")
    assert told["Made of"] == "2 episodes"
    assert told["Found"].startswith("by its words alone")


def test_a_piece_stays_as_long_as_its_document_and_has_no_weight_of_its_own() -> None:
    told = dict(facts_of(CHUNK))
    assert told["Kind"] == "piece of a document, shared by the tenant"
    assert told["Kept"] == "as long as its document"
    assert "Importance" not in told
    assert place_of(SOURCE) == "guide.pdf, page 4, characters 1\u202f200 to 2\u202f150"


def test_what_is_pinned_never_fades_whatever_its_tier() -> None:
    assert tier_of(replace(TURN, pinned=True)) == "pinned, never fades"


@pytest.mark.parametrize(
    ("strength", "told"), [(1.0, "strong, 1.00"), (0.39, "fading, 0.39"), (0.09, "weak, 0.09")]
)
def test_strength_has_a_word_and_a_number(strength: float, told: str) -> None:
    assert strength_of(replace(FACT, strength=strength)) == told


def test_each_way_of_being_found_has_its_place_and_its_bar() -> None:
    why = Why(2, 3.0, ("gates", "close"), 1, 0.71, 0.5, 0.9)
    assert [(each.name, each.share, each.told) for each in reasons_of(Hit(FACT, 1.0, why), 6.0)] == [
        ("Words", 0.5, "place 2 by words: gates, close"),
        ("Meaning", 0.71, "place 1 by meaning, cosine 0.71"),
        ("Strength", 0.5, "0.50"),
        ("Judged again", 0.9, "0.90"),
    ]


def test_a_way_that_did_not_find_it_says_so() -> None:
    words, meaning, _ = reasons_of(Hit(FACT, 1.0, Why(strength=0.5)), 0.0)
    assert (words.share, words.told) == (0.0, "no word of the question")
    assert (meaning.share, meaning.told) == (0.0, "not like the question")


def test_what_a_search_went_without_has_a_remedy() -> None:
    vectors, other = without_of(["vectors", "luck"])
    assert "Import a model for embeddings" in vectors
    assert other == "It was searched without luck."


@pytest.mark.parametrize(
    ("memory", "told"),
    [
        (FACT, "It is erased for good."),
        (TURN, "summary goes with it"),
        (replace(FACT, kind="episode"), "Facts that were made of it"),
        (replace(FACT, made_of=("a", "b")), "The 2 episodes"),
    ],
)
def test_forgetting_names_what_goes_along(memory: Memory, told: str) -> None:
    assert told in goes_with(memory)


def test_a_long_text_is_shortened_to_one_line() -> None:
    assert shortened("two\nlines") == "two lines"
    assert shortened("x" * 500) == "x" * 159 + "\u2026"


def test_keys_without_a_subject_of_their_own_speak_for_others() -> None:
    assert not speaks_for_others(ANN)
    assert speaks_for_others(replace(ANN, subject="key:k1"))
    assert speaks_for_others(replace(ANN, key=None))


def test_a_citation_is_looked_at_with_what_stands_before_it() -> None:
    start, end = first_window(SOURCE)
    assert (start, end) == (400, 400 + PAGE)
    text = "x" * 800 + "y" * 950 + "z" * 100
    assert marked(Passage(KEPT, text, start), SOURCE) == Marked("x" * 800, "y" * 950, "z" * 100)


def test_a_citation_that_is_not_shown_is_not_marked() -> None:
    assert marked(Passage(KEPT, "later", 9000), SOURCE) == Marked("", "", "later")
    assert marked(Passage(KEPT, "all of it", 0), None) == Marked("all of it", "", "")
    assert first_window(None) == (0, PAGE)


def test_a_citation_longer_than_a_page_is_shown_whole() -> None:
    assert first_window(replace(SOURCE, start=0, end=2 * PAGE)) == (0, 2 * PAGE)


def test_documents_are_found_by_meaning_as_their_vectors_come() -> None:
    assert length_of(KEPT) == "12\u202f000 characters, 3 pages"
    assert found_by(KEPT).startswith("words alone")
    assert found_by(replace(KEPT, embedded=1)) == "words; 1 of 4 pieces by meaning too"
    assert found_by(replace(KEPT, embedded=4)) == "words and meaning"
