"""What may stand in the graph, and what names the field that it refuses."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import ColonnadeError, InvalidArgument, TooLarge
from colonnade.registry.lineage.graph import (
    MAX_FACTS_BYTES,
    RELATIONS,
    Kind,
    NodeKey,
    Relation,
    check_edge,
    check_facts,
    facts_bytes,
    node,
    node_key,
)

DIGEST = f"sha256:{1:064x}"
IDS = {
    Kind.DATASET: DIGEST,
    Kind.RUN: "nightly/2030-01-02:7",
    Kind.VERSION: DIGEST,
    Kind.COMMIT: "0a1b2c3",
    Kind.SOURCE: DIGEST,
    Kind.POLICY: "strict@2",
    Kind.EVALUATION: "ev_00065300deadbeef",
    Kind.ROLLOUT: "ro_00065300deadbeef",
}


@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.value) for kind in Kind])
def test_every_kind_has_names(kind: Kind) -> None:
    key = node_key(kind, IDS[kind])
    assert (key.kind, str(key)) == (kind, f"{kind}:{IDS[kind]}")
    for bad in ("", " ", "x" * 300, "../etc", "sha256:abc", "\n", "ev_", "strict@"):
        if kind in (Kind.RUN, Kind.SOURCE) and bad in ("sha256:abc", "ev_", "strict@"):
            continue
        with pytest.raises(InvalidArgument) as refused:
            node_key(kind, bad, "edges[0].to")
        assert refused.value.details["field"] == "edges[0].to.id"


def test_a_kind_that_is_none() -> None:
    with pytest.raises(InvalidArgument, match="dataset") as refused:
        node_key("person", "eve")
    assert refused.value.details["field"] == "node.kind"


@pytest.mark.parametrize("relation", [pytest.param(relation, id=relation.value) for relation in Relation])
def test_a_relation_joins_what_the_table_says(relation: Relation) -> None:
    for source, target in product(Kind, Kind):
        one, other = NodeKey(source, "one"), NodeKey(target, "other")
        if (source, target) in RELATIONS[relation]:
            assert check_edge(one, relation.value, other) is relation
            continue
        with pytest.raises(InvalidArgument, match="it joins") as refused:
            check_edge(one, relation.value, other, "edges[3]")
        assert refused.value.details["field"] == "edges[3].relation"


def test_other_edges_that_are_none() -> None:
    one = NodeKey(Kind.VERSION, DIGEST)
    with pytest.raises(InvalidArgument, match="itself"):
        check_edge(one, "derived_from", one)
    with pytest.raises(InvalidArgument, match="trained_on"):
        check_edge(one, "stolen_from", one)


@pytest.mark.parametrize(
    "facts",
    [
        {"Bytes": "7"},
        {"deleted": "true"},
        {"bytes": "x" * (MAX_FACTS_BYTES + 1)},
        {f"a{number}": "" for number in range(17)},
        {f"a{number}": "x" * 60 for number in range(9)},
        {"words": "two\nlines"},
    ],
    ids=["upper", "ours", "long", "many", "much", "lines"],
)
def test_facts_that_are_refused(facts: dict[str, str]) -> None:
    with pytest.raises((InvalidArgument, TooLarge)) as refused:
        node("dataset", DIGEST, "", facts, "edges[0].to")
    assert str(refused.value.details["field"]).startswith("edges[0].to.facts")


@given(st.dictionaries(st.text(max_size=9), st.text(max_size=99), max_size=20))
def test_facts_are_taken_as_they_are_or_refused(facts: dict[str, str]) -> None:
    try:
        taken = check_facts(facts, "facts")
    except ColonnadeError:
        return
    assert taken == facts
    assert facts_bytes(taken) <= MAX_FACTS_BYTES
