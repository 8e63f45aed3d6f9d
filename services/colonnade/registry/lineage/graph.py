"""Nodes, edges, and which relation may join which kinds of nodes.

An edge goes from what came into being to what it came from: version -> trained_on -> dataset. So upstream is
along the edges, and downstream against them.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from colonnade.errors import InvalidArgument
from colonnade.security.inputs import check_count, check_text
from colonnade.security.inputs import digest as check_digest

MAX_LABEL_BYTES = 256
MAX_FACTS = 16
MAX_FACTS_BYTES = 400
"""Of one node, as JSON: an answer of 10,000 nodes has to fit into one message."""
MAX_ID = 256
_FACT = re.compile(r"[a-z][a-z0-9_]{0,63}")
_OWN_FACTS = frozenset({"deleted"})
"""That the registry says itself."""


class Kind(StrEnum):
    DATASET = "dataset"
    RUN = "run"
    VERSION = "version"
    COMMIT = "commit"
    SOURCE = "source"
    POLICY = "policy"
    EVALUATION = "evaluation"
    ROLLOUT = "rollout"


class Relation(StrEnum):
    TRAINED_ON = "trained_on"
    PRODUCED_BY = "produced_by"
    DERIVED_FROM = "derived_from"
    BUILT_FROM = "built_from"
    CONVERTED_FROM = "converted_from"
    GUARDED_BY = "guarded_by"
    JUDGED_BY = "judged_by"


KINDS: tuple[str, ...] = tuple(Kind)
RELATIONS: Mapping[Relation, frozenset[tuple[Kind, Kind]]] = {
    Relation.TRAINED_ON: frozenset(
        {(Kind.VERSION, Kind.DATASET), (Kind.RUN, Kind.DATASET), (Kind.SOURCE, Kind.DATASET)}
    ),
    Relation.PRODUCED_BY: frozenset(
        {
            (Kind.VERSION, Kind.RUN),
            (Kind.SOURCE, Kind.RUN),
            (Kind.DATASET, Kind.RUN),
            (Kind.EVALUATION, Kind.RUN),
            (Kind.EVALUATION, Kind.ROLLOUT),
        }
    ),
    Relation.DERIVED_FROM: frozenset(
        {
            (Kind.VERSION, Kind.VERSION),
            (Kind.RUN, Kind.VERSION),
            (Kind.SOURCE, Kind.VERSION),
            (Kind.SOURCE, Kind.SOURCE),
            (Kind.DATASET, Kind.DATASET),
            (Kind.DATASET, Kind.VERSION),
        }
    ),
    Relation.BUILT_FROM: frozenset(
        {
            (Kind.VERSION, Kind.COMMIT),
            (Kind.RUN, Kind.COMMIT),
            (Kind.SOURCE, Kind.COMMIT),
            (Kind.DATASET, Kind.COMMIT),
        }
    ),
    Relation.CONVERTED_FROM: frozenset({(Kind.VERSION, Kind.SOURCE), (Kind.DATASET, Kind.SOURCE)}),
    Relation.GUARDED_BY: frozenset({(Kind.VERSION, Kind.POLICY)}),
    Relation.JUDGED_BY: frozenset({(Kind.VERSION, Kind.EVALUATION)}),
}
"""Which relation may join which kinds, (from, to)."""

_NAMED = r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,255}"
_IDS: Mapping[Kind, tuple[re.Pattern[str], str]] = {
    Kind.RUN: (re.compile(_NAMED), "a run's id: letters, digits and . _ : / @ + -"),
    Kind.SOURCE: (re.compile(_NAMED), "a source's digest: letters, digits and . _ : / @ + -"),
    Kind.COMMIT: (re.compile("[0-9a-f]{7,64}"), "a commit's 7 to 64 hexadecimal digits"),
    Kind.POLICY: (
        re.compile(r"[a-z][a-z0-9_-]{0,63}@[A-Za-z0-9][A-Za-z0-9._-]{0,63}"),
        "a policy's name@version",
    ),
    Kind.EVALUATION: (re.compile("ev_[0-9a-f]{8,61}"), "an evaluation's id, as the list has it"),
    Kind.ROLLOUT: (re.compile("ro_[0-9a-z_]{1,61}"), "a rollout's id, as the list has it"),
}


class NodeKey(NamedTuple):
    """What names a node."""

    kind: Kind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a version's content is registered, and the aliases that send requests to it there."""

    model: str
    version: int
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    key: NodeKey
    label: str = ""
    """For people."""
    facts: Mapping[str, str] = field(default_factory=dict)
    places: tuple[Place, ...] = ()
    """Of a version, in what is found."""


@dataclass(frozen=True, slots=True)
class Edge:
    """``source`` came from ``target``."""

    source: Node
    relation: Relation
    target: Node


@dataclass(frozen=True, slots=True)
class Recorded:
    """An edge as it is kept."""

    source: NodeKey
    relation: Relation
    target: NodeKey
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Traced:
    roots: tuple[NodeKey, ...]
    nodes: Sequence[Node]
    edges: Sequence[Recorded]
    truncated: bool = False
    """There is more than the limit."""


def node_key(kind: str, node_id: str, field_name: str = "node") -> NodeKey:
    """A node's name, checked."""
    if kind not in KINDS:
        raise InvalidArgument(
            f"{field_name}.kind must be one of {', '.join(KINDS)}", field=f"{field_name}.kind"
        )
    key, name = NodeKey(Kind(kind), node_id), f"{field_name}.id"
    if key.kind in (Kind.VERSION, Kind.DATASET):
        check_digest(node_id, name)
    else:
        pattern, rule = _IDS[key.kind]
        if not pattern.fullmatch(node_id):
            raise InvalidArgument(f"{name} must be {rule} (at most {MAX_ID} characters)", field=name)
    return key


def node(kind: str, node_id: str, label: str, facts: Mapping[str, str], field_name: str = "node") -> Node:
    """What somebody says of a node, checked."""
    key = node_key(kind, node_id, field_name)
    check_text(label, f"{field_name}.label", MAX_LABEL_BYTES, allow_empty=True, controls="line")
    return Node(key, label, check_facts(facts, f"{field_name}.facts"))


def check_facts(facts: Mapping[str, str], name: str) -> dict[str, str]:
    check_count(len(facts), MAX_FACTS, name)
    for fact, value in facts.items():
        if not _FACT.fullmatch(fact) or fact in _OWN_FACTS:
            raise InvalidArgument(
                f"{name} must have names of lower-case letters, digits and '_' (at most 64), other than "
                f"{', '.join(_OWN_FACTS)}",
                field=name,
            )
        check_text(value, f"{name}.{fact}", MAX_FACTS_BYTES, allow_empty=True, controls="line")
    if facts_bytes(facts) > MAX_FACTS_BYTES:
        raise InvalidArgument(
            f"{name} must be at most {MAX_FACTS_BYTES} bytes in all", field=name, limit=MAX_FACTS_BYTES
        )
    return dict(facts)


def facts_bytes(facts: Mapping[str, str]) -> int:
    return len(json.dumps(facts, ensure_ascii=False).encode())


def check_edge(source: NodeKey, relation: str, target: NodeKey, field_name: str = "edge") -> Relation:
    """The relation, where it may join such nodes."""
    if relation not in tuple(Relation):
        raise InvalidArgument(
            f"{field_name}.relation must be one of {', '.join(Relation)}", field=f"{field_name}.relation"
        )
    found = Relation(relation)
    joins = RELATIONS[found]
    if (source.kind, target.kind) not in joins:
        may = ", ".join(sorted(f"{one} -> {other}" for one, other in joins))
        raise InvalidArgument(
            f"{field_name}.relation: {relation} does not join {source.kind} -> {target.kind}; it joins {may}",
            field=f"{field_name}.relation",
        )
    if source == target:
        raise InvalidArgument(f"{field_name}: nothing comes from itself", field=f"{field_name}.to")
    return found
