"""What came from what, on the registry's gRPC."""

from collections.abc import Sequence
from datetime import UTC

from colonnade.api.registry.v1 import lineage_pb2 as wire
from colonnade.api.registry.v1.lineage_pb2_grpc import LineageServiceStub
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.lineage import Edge, NewEdge, Node, Place, Question, Trace

_SECONDS = 20.0


class RegistryLineage:
    """Implements ``ports.LineageBook``."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._stub = LineageServiceStub(calls.peer.channel)

    async def record(self, caller: Caller, edges: Sequence[NewEdge], key: str) -> int:
        request = wire.RecordLineageRequest(edges=map(_edge_out, edges), idempotency_key=key)
        method = self._stub.RecordLineage
        answer = await self._calls.unary(caller, method, request, wire.RecordLineageResponse, _SECONDS)
        return answer.added

    async def trace(self, caller: Caller, question: Question) -> Trace:
        request = wire.TraceLineageRequest(
            node=wire.Node(kind=question.kind, id=question.id),
            direction=question.direction,
            depth=question.depth,
            adapter=question.adapter,
            policy=question.policy,
        )
        method = self._stub.TraceLineage
        answer = await self._calls.unary(caller, method, request, wire.TraceLineageResponse, _SECONDS)
        return Trace(
            tuple(map(_key, answer.roots)),
            tuple(map(_node, answer.nodes)),
            tuple(map(_edge, answer.edges)),
            answer.truncated,
        )


def _edge_out(edge: NewEdge) -> wire.Edge:
    message = wire.Edge(relation=edge.relation, to=_node_out(edge.target))
    getattr(message, "from").CopyFrom(_node_out(edge.source))  # a keyword of Python
    return message


def _node_out(node: Node) -> wire.Node:
    return wire.Node(kind=node.kind, id=node.id, label=node.label, facts=node.facts)


def _node(node: wire.Node) -> Node:
    places = tuple(Place(each.model, each.version, tuple(each.aliases)) for each in node.versions)
    return Node(node.kind, node.id, node.label, dict(node.facts), places)


def _edge(edge: wire.Edge) -> Edge:
    source = _key(getattr(edge, "from"))
    return Edge(source, edge.relation, _key(edge.to), edge.at.ToDatetime(tzinfo=UTC), edge.by)


def _key(node: wire.Node) -> str:
    return f"{node.kind}:{node.id}"
