"""The graph in the words of its protobuf contract, and back."""

from collections.abc import Iterable

from colonnade.api.registry.v1 import lineage_pb2 as messages
from colonnade.registry.lineage.graph import Node, NodeKey, Recorded, Traced
from colonnade.registry.lineage.service import Question, Said, SaidEdge


def question(request: messages.TraceLineageRequest) -> Question:
    return Question(_said(request.node), request.direction, request.depth, request.adapter, request.policy)


def said(edges: Iterable[messages.Edge]) -> list[SaidEdge]:
    return [SaidEdge(_said(getattr(each, "from")), each.relation, _said(each.to)) for each in edges]


def traced(found: Traced) -> messages.TraceLineageResponse:
    return messages.TraceLineageResponse(
        nodes=map(_node, found.nodes),
        edges=map(_edge, found.edges),
        truncated=found.truncated,
        roots=map(_key, found.roots),
    )


def _said(node: messages.Node) -> Said:
    return Said(node.kind, node.id, node.label, dict(node.facts))


def _node(found: Node) -> messages.Node:
    return messages.Node(
        kind=found.key.kind.value,
        id=found.key.id,
        label=found.label,
        facts=found.facts,
        versions=[
            messages.LineageVersion(model=place.model, version=place.version, aliases=place.aliases)
            for place in found.places
        ],
    )


def _edge(found: Recorded) -> messages.Edge:
    edge = messages.Edge(relation=found.relation.value, to=_key(found.target), by=found.by)
    getattr(edge, "from").CopyFrom(_key(found.source))
    edge.at.FromDatetime(found.at)
    return edge


def _key(key: NodeKey) -> messages.Node:
    return messages.Node(kind=key.kind.value, id=key.id)
