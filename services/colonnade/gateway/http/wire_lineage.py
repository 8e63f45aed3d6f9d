"""What came from what, and what was measured of versions, as JSON."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from colonnade.gateway.domain import lineage as domain
from colonnade.gateway.http.strict import Strict
from colonnade.security.inputs import check_count, check_text
from colonnade.security.inputs.catalogue import MAX_LINEAGE_EDGES

_ID_BYTES, _LABEL_BYTES, _FACTS, _RESULTS = 256, 256, 16, 64
NodeKind = Literal["dataset", "run", "version", "commit", "source", "policy", "evaluation", "rollout"]
SaidKind = Literal["dataset", "run", "version", "commit", "source", "policy", "reference"]
RelationName = Literal[
    "trained_on", "produced_by", "derived_from", "built_from", "converted_from", "guarded_by", "judged_by"
]
Direction = Literal["upstream", "downstream", "both"]


class NodeBody(Strict):
    kind: SaidKind = Field(description="`reference` is a version by its name, as in `smollm2:3`.")
    id: str = Field(description="A data set's or a version's digest, a run's id, a commit, name@version ...")
    label: str = Field(default="", description="For people.")
    facts: dict[str, str] = Field(default={}, description="400 bytes of them at most.")

    def node(self, field: str) -> domain.Node:
        check_text(self.id, f"{field}.id", _ID_BYTES, controls="line")
        check_text(self.label, f"{field}.label", _LABEL_BYTES, allow_empty=True, controls="line")
        check_count(len(self.facts), _FACTS, f"{field}.facts")
        return domain.Node(self.kind, self.id, self.label, self.facts)


class EdgeBody(Strict):
    """`from` came from `to`."""

    model_config = ConfigDict(populate_by_name=True)

    source: NodeBody = Field(alias="from")
    relation: RelationName
    target: NodeBody = Field(alias="to")

    def edge(self, field: str) -> domain.NewEdge:
        return domain.NewEdge(
            self.source.node(f"{field}.from"), self.relation, self.target.node(f"{field}.to")
        )


class LineageBody(Strict):
    edges: list[EdgeBody] = Field(json_schema_extra={"maxItems": MAX_LINEAGE_EDGES})

    def new(self) -> list[domain.NewEdge]:
        check_count(len(self.edges), MAX_LINEAGE_EDGES, "edges")
        return [each.edge(f"edges[{at}]") for at, each in enumerate(self.edges)]


class Added(BaseModel):
    added: int = Field(description="Of the edges, those that were not there yet.")


class PlaceOut(BaseModel):
    model: str
    version: int
    aliases: list[str] = Field(description="That send requests to it now.")


class NodeOut(BaseModel):
    key: str = Field(description="`kind:id`, as edges and roots name it.")
    kind: NodeKind
    id: str
    label: str
    facts: dict[str, str]
    versions: list[PlaceOut] = Field(
        description="Of a version: where its content is registered now; none where it was deleted."
    )

    @classmethod
    def of(cls, node: domain.Node) -> "NodeOut":
        return cls.model_validate(node, from_attributes=True)


class EdgeOut(BaseModel):
    """`from` came from `to`; both are nodes' keys."""

    model_config = ConfigDict(populate_by_name=True, from_attributes=True)

    source: str = Field(serialization_alias="from")
    relation: RelationName
    target: str = Field(serialization_alias="to")
    at: datetime
    by: str


class LineageOut(BaseModel):
    roots: list[str] = Field(description="The keys of what was asked about.")
    nodes: list[NodeOut] = Field(description="The nearest first.")
    edges: list[EdgeOut]
    truncated: bool = Field(description="There is more than the limit of 10,000 nodes.")

    @classmethod
    def of(cls, trace: domain.Trace) -> "LineageOut":
        return cls(
            roots=list(trace.roots),
            nodes=[NodeOut.of(each) for each in trace.nodes],
            edges=[EdgeOut.model_validate(each, from_attributes=True) for each in trace.edges],
            truncated=trace.truncated,
        )


class EvaluationBody(Strict):
    suite: str = Field(description="What was asked, as in `arc-easy`.")
    suite_digest: str = Field(default="", description="Of the questions, `sha256:` and 64 digits.")
    results: dict[str, float] = Field(description="Figures by name.", json_schema_extra={"maxProperties": 64})
    outcome: Literal["passed", "failed", ""] = Field(default="", description="Where something was at stake.")
    origin: str = Field(default="", description="The run that it was made for.")

    def evaluation(self, model: str, version: int) -> domain.Evaluation:
        check_text(self.suite, "suite", 128, controls="line")
        check_text(self.suite_digest, "suite_digest", 71, allow_empty=True, controls="line")
        check_text(self.origin, "origin", _ID_BYTES, allow_empty=True, controls="line")
        check_count(len(self.results), _RESULTS, "results")
        return domain.Evaluation(
            model, version, self.suite, self.results, self.suite_digest, self.outcome, self.origin
        )


class EvaluationOut(BaseModel):
    id: str
    model: str
    version: int
    suite: str
    suite_digest: str
    results: dict[str, float]
    outcome: str = Field(description="passed, failed, or empty where nothing was at stake.")
    origin: str = Field(description="The rollout or the run that it was made for.")
    by: str
    at: datetime

    @classmethod
    def of(cls, evaluation: domain.Evaluation) -> "EvaluationOut":
        values: dict[str, Any] = {name: getattr(evaluation, name) for name in cls.model_fields}
        return cls(**values)


class EvaluationsOut(BaseModel):
    evaluations: list[EvaluationOut] = Field(description="Newest first.")
    next_page_token: str = Field(description="Empty on the last page.")
