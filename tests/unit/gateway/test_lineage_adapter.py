"""Lineage and evaluations over real gRPC on a socket: what goes over the wire, and as whom."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from colonnade import rpc
from colonnade.api.registry.v1 import evaluations_pb2, lineage_pb2
from colonnade.api.registry.v1.evaluations_pb2_grpc import (
    EvaluationServiceServicer,
    add_EvaluationServiceServicer_to_server,
)
from colonnade.api.registry.v1.lineage_pb2_grpc import (
    LineageServiceServicer,
    add_LineageServiceServicer_to_server,
)
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.adapters.evaluations import RegistryEvaluations
from colonnade.gateway.adapters.lineage import RegistryLineage
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.lineage import Edge, Evaluation, NewEdge, Node, Question
from colonnade.gateway.domain.lineage import Place as GatewayPlace
from colonnade.registry.evaluations import Evaluation as Kept
from colonnade.registry.evaluations import Measured
from colonnade.registry.lineage import Kind, NodeKey, Place, Relation
from colonnade.registry.lineage import Node as Found
from colonnade.registry.lineage.graph import Recorded, Traced
from colonnade.registry.lineage.service import Question as Asked
from colonnade.registry.lineage.service import Said, SaidEdge
from colonnade.registry.servicers import evaluations_wire, lineage_wire
from colonnade.security.access.registry import RPCS
from colonnade.security.identity import Principal, Role

MOMENT = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
ALICE = Principal("acme", "alice", frozenset({Role.MODEL_ENGINEER}), "k1")
CALLER = Caller(ALICE, "req-1")
OWN, DATA = NodeKey(Kind.VERSION, "sha256:a"), NodeKey(Kind.DATASET, "sha256:d")
TRACED = Traced(
    (OWN,),
    [Found(OWN, "tiny:3", {"family": "lora"}, (Place("tiny", 3, ("production",)),)), Found(DATA, "wiki")],
    [Recorded(OWN, Relation.TRAINED_ON, DATA, MOMENT, "acme/eve")],
    truncated=True,
)
EVALUATION = Evaluation("tiny", 3, "arc-easy", {"accuracy": 0.5}, "sha256:d", "passed", "run-7")


class Registry(LineageServiceServicer, EvaluationServiceServicer):
    """Reads and writes with the registry's own words."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.principals: list[Principal] = []

    def _note(self, what: Any) -> None:
        self.seen.append(what)
        self.principals.append(rpc.current().principal)

    async def RecordLineage(self, request: Any, context: Any) -> Any:
        self._note((lineage_wire.said(request.edges), request.idempotency_key))
        return lineage_pb2.RecordLineageResponse(added=2)

    async def TraceLineage(self, request: Any, context: Any) -> Any:
        self._note(lineage_wire.question(request))
        return lineage_wire.traced(TRACED)

    async def RecordEvaluation(self, request: Any, context: Any) -> Any:
        measured = evaluations_wire.measured(request.evaluation)
        self._note((measured, request.idempotency_key))
        kept = Kept("ev_1", measured, "acme/alice", MOMENT)
        return evaluations_pb2.RecordEvaluationResponse(evaluation=evaluations_wire.evaluation(kept))

    async def ListEvaluations(self, request: Any, context: Any) -> Any:
        self._note((request.name, request.version, request.page_size, request.page_token))
        measured = Measured("tiny", 3, "arc-easy", {"accuracy": 0.5}, "sha256:d", "passed", "run-7")
        kept = evaluations_wire.evaluation(Kept("ev_1", measured, "acme/alice", MOMENT))
        return evaluations_pb2.ListEvaluationsResponse(evaluations=[kept], next_page_token="n")


@pytest.fixture
async def registry() -> AsyncIterator[tuple[Registry, Calls]]:
    folder = Path(tempfile.mkdtemp(prefix="gw"))
    identity = rpc.Identity("gateway", folder / "identity")
    servicer, address = Registry(), f"unix:{folder}/r/registry.sock"
    server = rpc.Server(address, RPCS, identity)
    server.add(add_LineageServiceServicer_to_server, servicer, "lineage")
    server.add(add_EvaluationServiceServicer_to_server, servicer, "evaluations")
    await server.start()
    async with rpc.Peer("registry", address, identity) as peer:
        yield servicer, Calls(peer, identity)
    await server.stop(0)
    shutil.rmtree(folder)


async def test_a_trace_comes_back_whole(registry: tuple[Registry, Calls]) -> None:
    servicer, calls = registry
    asked = Question("version", OWN.id, "both", 3, "sha256:e", "strict@2")
    found = await RegistryLineage(calls).trace(CALLER, asked)
    own, data = found.nodes
    assert (own.key, own.label, own.facts) == (str(OWN), "tiny:3", {"family": "lora"})
    assert own.versions == (GatewayPlace("tiny", 3, ("production",)),)
    assert (data.key, data.label, data.versions) == (str(DATA), "wiki", ())
    assert found.edges == (Edge(str(OWN), "trained_on", str(DATA), MOMENT, "acme/eve"),)
    assert (found.roots, found.truncated) == ((str(OWN),), True)
    assert servicer.seen == [Asked(Said("version", OWN.id), "both", 3, "sha256:e", "strict@2")]
    assert servicer.principals == [ALICE]


async def test_edges_go_out(registry: tuple[Registry, Calls]) -> None:
    servicer, calls = registry
    data = Node("dataset", DATA.id, "wiki", {"bytes": "7"})
    edge = NewEdge(Node("reference", "tiny:3"), "trained_on", data)
    assert await RegistryLineage(calls).record(CALLER, [edge], "key") == 2
    said = SaidEdge(
        Said("reference", "tiny:3"), "trained_on", Said("dataset", DATA.id, "wiki", {"bytes": "7"})
    )
    assert servicer.seen == [([said], "key")]


async def test_evaluations_go_out_and_come_back(registry: tuple[Registry, Calls]) -> None:
    servicer, calls = registry
    book = RegistryEvaluations(calls)
    kept = await book.record(CALLER, EVALUATION, "key")
    assert kept == replace(EVALUATION, id="ev_1", by="acme/alice", at=MOMENT)
    page = await book.page(CALLER, "tiny", 3, 7, "t")
    assert (page.evaluations, page.next_page_token) == ((kept,), "n")
    measured = Measured("tiny", 3, "arc-easy", {"accuracy": 0.5}, "sha256:d", "passed", "run-7")
    assert servicer.seen == [(measured, "key"), ("tiny", 3, 7, "t")]
