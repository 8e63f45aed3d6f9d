"""What came from what, and what was measured of versions, as the gateway shows them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Place:
    """Where a version's content is registered now."""

    model: str
    version: int
    aliases: tuple[str, ...] = ()
    """That send requests to it."""


@dataclass(frozen=True, slots=True)
class Node:
    kind: str
    id: str
    label: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    versions: tuple[Place, ...] = ()
    """Of a version."""

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class Edge:
    """``source`` came from ``target``; both are nodes' keys."""

    source: str
    relation: str
    target: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Trace:
    roots: tuple[str, ...]
    """The keys of what was asked about."""
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    kind: str
    """Of a node, or ``reference``."""
    id: str
    direction: str = ""
    depth: int = 0
    adapter: str = ""
    policy: str = ""


@dataclass(frozen=True, slots=True)
class NewEdge:
    """Of which the registry is told."""

    source: Node
    relation: str
    target: Node


@dataclass(frozen=True, slots=True)
class Evaluation:
    model: str
    version: int
    suite: str
    results: Mapping[str, float]
    suite_digest: str = ""
    outcome: str = ""
    """passed, failed, or empty where nothing was at stake."""
    origin: str = ""
    """The rollout or the run that it was made for."""
    id: str = ""
    by: str = ""
    at: datetime | None = None
    """These three, the registry says."""


@dataclass(frozen=True, slots=True)
class EvaluationPage:
    evaluations: tuple[Evaluation, ...]
    next_page_token: str = ""
