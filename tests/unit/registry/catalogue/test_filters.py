"""Filters: what parses, what it means, and refusals that say what is wrong."""

import pytest
from hypothesis import given

from colonnade.errors import ColonnadeError, InvalidArgument, TooLarge
from colonnade.registry.catalogue.filters import Comparison, Field, Filter, Kind, Operator, matches, rendered
from colonnade.registry.catalogue.grammar import Order, ordered, parsed
from tests.unit.registry.catalogue.asking import filters


@given(filters())
def test_what_is_rendered_parses_back(asked: Filter) -> None:
    assert parsed(rendered(asked)) == asked


def test_a_filter_as_people_write_it() -> None:
    text = (
        "name like 'smol%' and Tags.`odd key` != \"it's\" AND metrics.loss<=-2.5e1 AND family IN ('a','b''c')"
    )
    assert parsed(text) == (
        Comparison(Field(Kind.ATTRIBUTE, "name"), Operator.LIKE, "smol%"),
        Comparison(Field(Kind.TAG, "odd key"), Operator.UNEQUAL, "it's"),
        Comparison(Field(Kind.METRIC, "loss"), Operator.AT_MOST, -25.0),
        Comparison(Field(Kind.ATTRIBUTE, "family"), Operator.IN, ("a", "b'c")),
    )
    assert parsed("") == parsed("  ") == ()


@pytest.mark.parametrize(
    "text",
    ["created_at > 1767225600000", "created_at > '2026-01-01'", "created_at > '2026-01-01T01:00:00+01:00'"],
)
def test_times(text: str) -> None:
    (asked,) = parsed(text)
    assert asked.value == 1767225600000000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name", "not understood"),
        ("name = 'x", "not understood"),
        ("name = 'x' OR name = 'y'", 'not understood at "OR'),
        ("name = 'x'; DROP TABLE models", "not understood"),
        ("name = 3", "with a text"),
        ("parameters = '3'", "with a number"),
        ("parameters LIKE 3", "not with LIKE"),
        ("name < 'x'", "not with <"),
        ("metrics.x IN ('a')", "not with IN"),
        ("metrics.x = 1e999", "too large"),
        ("colour = 'red'", "names colour; there are alias"),
        ("params.x = 'y'", "names params"),
        ("tags.`` = 'x'", "a key has 1 to 128"),
        ("created_at > 'yesterday'", "milliseconds since 1970"),
        ("created_at > 1e300", "too large"),
        (" AND ".join(["version = 1"] * 51), "at most 50"),
        ("name = '" + "x" * 6000 + "'", "6000"),
        ("name = 'a\0b'", "NUL"),
    ],
    ids=lambda value: value[:30].replace("\0", "0"),
)
def test_what_is_no_filter(text: str, words: str) -> None:
    with pytest.raises((InvalidArgument, TooLarge), match=words) as refusal:
        parsed(text)
    assert refusal.value.details["field"] == "filter"


def test_patterns() -> None:
    assert matches("smol.v2", "smol%")
    assert matches("smol", "sm_l")
    assert not matches("smol", "SMOL")
    assert matches("smol", "SM%", any_case=True)
    assert not matches("a.c", "abc")
    assert matches("100%\n", "100_%")


def test_orders() -> None:
    allowed = ("name", "version")
    assert ordered("", allowed, "name ASC") == (Order("name"),)
    assert ordered("Version desc, name", allowed, "") == (Order("version", True), Order("name"))
    assert ordered("name, name DESC", allowed, "") == (Order("name"),)
    for text in ("colour", "name DOWN", "name,", "name; x"):
        with pytest.raises(InvalidArgument, match="name, version"):
            ordered(text, allowed, "")


@given(filters())
def test_a_part_of_a_filter_is_a_filter_or_refused_in_words(asked: Filter) -> None:
    text = rendered(asked)
    assert {_field_refused(text[:cut]) for cut in range(0, len(text), 3)} <= {"", "filter"}


def _field_refused(text: str) -> object:
    try:
        parsed(text)
    except ColonnadeError as error:
        return error.details["field"]
    return ""
