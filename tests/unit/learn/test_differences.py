"""What differs is named by its place, and nothing else is."""

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from colonnade.learn.differences import differences

LEAVES = st.none() | st.booleans() | st.integers() | st.text()
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(min_size=1), inner), max_leaves=20
)


@given(document=st.dictionaries(st.text(min_size=1), DOCUMENTS))
def test_a_document_is_like_its_copy(document: dict[str, Any]) -> None:
    assert differences(document, copy.deepcopy(document)) == []


@given(
    before=st.dictionaries(st.text(min_size=1), DOCUMENTS),
    now=st.dictionaries(st.text(min_size=1), DOCUMENTS),
)
def test_unlike_documents_differ_somewhere(before: dict[str, Any], now: dict[str, Any]) -> None:
    assert bool(differences(before, now)) == (before != now)


def test_each_is_named_by_its_place() -> None:
    before = {"split": {"seed": 0}, "paths": ["a", "b"], "limit": None, "kind": "wsd"}
    now = {"split": {"seed": 3}, "paths": ["a", "c"], "limit": 1.0, "devices": []}
    assert differences(before, now) == [
        "split.seed was 0 and is 3",
        "paths[1] was b and is c",
        "limit was none and is 1.0",
        "kind was wsd and is absent",
        "devices was absent and is none",
    ]


def test_what_is_long_or_much_is_cut() -> None:
    assert differences({"text": "x" * 99}, {"text": ""}) == [f"text was {'x' * 77}... and is "]
    many = differences({str(n): 0 for n in range(20)}, {str(n): 1 for n in range(20)})
    assert many[-1] == "and 12 more"
