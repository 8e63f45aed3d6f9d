"""What came from what: a graph whose edges are only ever added."""

from colonnade.registry.lineage.graph import (
    KINDS,
    RELATIONS,
    Edge,
    Kind,
    Node,
    NodeKey,
    Place,
    Relation,
    check_edge,
    node_key,
)

__all__ = [
    "KINDS",
    "RELATIONS",
    "Edge",
    "Kind",
    "Node",
    "NodeKey",
    "Place",
    "Relation",
    "check_edge",
    "node_key",
]
