"""The registry's graph and evaluations, of which there is one each."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from colonnade.errors import ColonnadeError
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.lineage import (
    Edge,
    Evaluation,
    EvaluationPage,
    NewEdge,
    Node,
    Place,
    Question,
    Trace,
)

MOMENT = datetime(2030, 1, 2, tzinfo=UTC)
DIGEST = f"sha256:{'a' * 64}"
VERSION = Node("version", DIGEST, "tiny:1", {"family": "transformer"}, (Place("tiny", 1, ("production",)),))
SOURCE = Node("source", DIGEST, "tiny.gguf")
TRACE = Trace(
    (VERSION.key,),
    (VERSION, SOURCE),
    (Edge(VERSION.key, "converted_from", SOURCE.key, MOMENT, "local/local"),),
)


@dataclass
class FakeLineage:
    error: ColonnadeError | None = None
    said: list[tuple[Sequence[NewEdge], str]] = field(default_factory=list)
    asked: list[Question] = field(default_factory=list)

    async def record(self, caller: Caller, edges: Sequence[NewEdge], key: str) -> int:
        if self.error is not None:
            raise self.error
        self.said.append((edges, key))
        return len(edges)

    async def trace(self, caller: Caller, question: Question) -> Trace:
        self.asked.append(question)
        return TRACE


@dataclass
class FakeEvaluations:
    error: ColonnadeError | None = None
    recorded: list[tuple[Evaluation, str]] = field(default_factory=list)
    asked: list[tuple[str, int, int, str]] = field(default_factory=list)

    async def record(self, caller: Caller, evaluation: Evaluation, key: str) -> Evaluation:
        if self.error is not None:
            raise self.error
        self.recorded.append((evaluation, key))
        return replace(evaluation, id="ev_1", by="local/local", at=MOMENT)

    async def page(
        self, caller: Caller, model: str, version: int, page_size: int, page_token: str
    ) -> EvaluationPage:
        self.asked.append((model, version, page_size, page_token))
        found = Evaluation(model, version, "arc-easy", {"accuracy": 0.5}, "", "passed", "run-7")
        return EvaluationPage(
            (replace(found, id="ev_1", by="local/local", at=MOMENT),), "" if page_token else "next"
        )
