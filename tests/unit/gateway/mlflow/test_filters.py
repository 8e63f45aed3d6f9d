"""MLflow's filters in the catalogue's words."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import ColonnadeError, InvalidArgument
from colonnade.gateway.service.mlflow.filters import (
    MODEL_FIELDS,
    MODEL_ORDERS,
    VERSION_FIELDS,
    VERSION_ORDERS,
    Condition,
    catalogue_filter,
    catalogue_order,
    parsed,
    quoted,
)

NO_PROMPTS = "tag.`mlflow.prompt.is_prompt` != 'true'"
KEYS = st.text(st.sampled_from("abcXYZ019_.:/ -"), min_size=1, max_size=20)
TEXTS = st.text(
    st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=["C", "Zl", "Zp"])
)
OPERATORS = st.sampled_from(["=", "!=", "LIKE", "ILIKE", "like", "Ilike"])
CASES = {
    "": "",
    "name = 'qwen'": "name = 'qwen'",
    'name="qwen"': "name = 'qwen'",
    "attribute.name LIKE 'q%'": "name LIKE 'q%'",
    "name ilike '%7B%'  and tags.team = 'search' ": "name ILIKE '%7B%' AND tags.`team` = 'search'",
    "tag.`a b` != 'it''s'": "tags.`a b` != 'it''s' AND tags.`a b` LIKE '%'",
    "tags.a != 'x' AND tags.a != 'y'": "tags.`a` != 'x' AND tags.`a` LIKE '%' AND tags.`a` != 'y'",
    "run_id NOT IN ('a')": "tags.`mlflow.run_id` != 'a' AND tags.`mlflow.run_id` LIKE '%'",
    'tags."a.b" = "it\'s"': "tags.`a.b` = 'it''s'",
    "run_id IN ('a', \"b\")": "tags.`mlflow.run_id` IN ('a', 'b')",
    "name NOT  IN ('a','b')": "name != 'a' AND name != 'b'",
    "version_number >= 2": "version >= 2",
    "source_path = 'x'": "source = 'x'",
    "name = 'a AND b'": "name = 'a AND b'",
    NO_PROMPTS: "",
    f"name LIKE 'q%' AND {NO_PROMPTS}": "name LIKE 'q%'",
    "tags.`mlflow.prompt.is_prompt` = 'false' AND name = 'x'": "name = 'x'",
}
UNREADABLE = [
    "name", "name =", "= 'x'", "name = x", "name = 'x", "name = 'a' OR name = 'b'", "name = 'a' AND", "AND",
    "AND name = 'a'", "name = 'a' name = 'b'", "name IN 'a'", "name = ('a')", "name IN ()", "name IN (1)",
    "name = 'a'; DROP TABLE models", "(name = 'a')", "NOT name = 'a'", "name = 'a' AND AND name = 'b'",
    "metrics.loss < 2", "tags. = 'x'", "tags.`` = 'x'", "name BETWEEN 'a'", "name\n= 'a'",
    "tags.\"a` = '1' AND tags.`b\" = 'x'",
]  # fmt: skip


@pytest.mark.parametrize("text", CASES)
def test_in_the_catalogues_words(text: str) -> None:
    assert catalogue_filter(text, VERSION_FIELDS) == CASES[text]


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_is_no_filter(text: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        catalogue_filter(text, VERSION_FIELDS)
    assert refused.value.details["field"] == "filter"


@pytest.mark.parametrize("condition", ["= 'true'", "!= 'false'"])
def test_nothing_here_is_a_prompt(condition: str) -> None:
    assert (
        catalogue_filter(f"name = 'x' AND tags.`mlflow.prompt.is_prompt` {condition}", MODEL_FIELDS) is None
    )


def test_what_models_are_not_searched_by() -> None:
    with pytest.raises(InvalidArgument, match="filter may be about name and tags"):
        catalogue_filter("run_id = 'x'", MODEL_FIELDS)


def test_a_long_filter() -> None:
    with pytest.raises(ColonnadeError, match="longer than"):
        catalogue_filter("name = '" + "x" * 7000 + "'", MODEL_FIELDS)


@given(st.lists(st.tuples(KEYS, OPERATORS, TEXTS), min_size=1, max_size=5))
def test_whatever_texts_say_they_are_one_value(conditions: list[tuple[str, str, str]]) -> None:
    text = " AND ".join(f"tags.`{key}` {operator} {quoted(value)}" for key, operator, value in conditions)
    assert [(each.key, each.operator, each.value) for each in parsed(text)] == [
        (key, operator.upper(), value) for key, operator, value in conditions
    ]
    assert all(each.tag for each in parsed(text))


@given(st.text(st.sampled_from("name=' \"`()ANDINtags.x!<>1,"), max_size=60))
def test_anything_is_understood_or_refused(text: str) -> None:
    first: str | None = None
    with suppress(InvalidArgument):
        first = catalogue_filter(text, VERSION_FIELDS)
    if first is not None:
        assert catalogue_filter(first, {"name": "name", "version": "version"}) == first


def test_conditions_are_told_apart() -> None:
    assert parsed("tags.name = 'x' AND name = 'y'") == (
        Condition("name", "=", "x", tag=True),
        Condition("name", "=", "y"),
    )


def test_orders() -> None:
    assert catalogue_order([], MODEL_ORDERS, "name ASC") == "name ASC"
    assert catalogue_order(["name"], MODEL_ORDERS, "") == "name ASC"
    orders = ["last_updated_timestamp DESC", "attribute.name asc"]
    assert catalogue_order(orders, MODEL_ORDERS, "") == "updated_at DESC, name ASC"
    assert catalogue_order(["version_number  desc"], VERSION_ORDERS, "") == "version DESC"


@pytest.mark.parametrize("order", ["", "version_number", "name DOWN", "name, name", "name ASC; x", "tags.x"])
def test_what_is_no_order(order: str) -> None:
    with pytest.raises(InvalidArgument, match="order_by must be one of"):
        catalogue_order([order], MODEL_ORDERS, "")
