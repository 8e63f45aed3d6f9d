"""Lineage and evaluations: what is sent, and what comes back."""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, TypeAlias
from urllib.parse import urlencode

from pydantic import Field

from colonnade.client import parsing
from colonnade.client.calls import Call, Request, _given, _path

LINK = "/lineage?"
"""How the links in answers begin."""
KINDS = ("dataset", "run", "version", "commit", "source", "policy", "evaluation", "rollout")
_DIGEST = re.compile("sha256:[0-9a-f]{64}")
_PAGE = 100


@dataclass(frozen=True, slots=True)
class LineagePlace:
    """Where a version's content is registered now."""

    model: str
    version: int
    aliases: tuple[str, ...] = ()
    """That send requests to it."""


@dataclass(frozen=True, slots=True)
class LineageNode:
    """A version, a data set, or anything else that something came from."""

    kind: str
    id: str
    label: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    versions: tuple[LineagePlace, ...] = ()
    """Of a version, in what is found; none where it was deleted."""

    @property
    def key(self) -> str:
        """As edges name it."""
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class LineageEdge:
    """``source`` came from ``target``; both are nodes' keys."""

    source: Annotated[str, Field(validation_alias="from")]
    relation: str
    target: Annotated[str, Field(validation_alias="to")]
    at: datetime
    by: str = ""


@dataclass(frozen=True, slots=True)
class Lineage:
    """``nodes`` begin with the nearest."""

    roots: tuple[str, ...]
    """The keys of what was asked about."""
    nodes: tuple[LineageNode, ...]
    edges: tuple[LineageEdge, ...]
    truncated: bool = False
    """There is more than one answer may have."""

    def node(self, key: str) -> LineageNode:
        """``KeyError`` where it is not there."""
        return {node.key: node for node in self.nodes}[key]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was measured of a version."""

    id: str
    model: str
    version: int
    suite: str
    results: Mapping[str, float]
    suite_digest: str = ""
    outcome: str = ""
    """``passed``, ``failed``, or empty where nothing was at stake."""
    origin: str = ""
    """The rollout or the run that it was made for."""
    by: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class EvaluationPage:
    evaluations: tuple[Evaluation, ...]
    next_page_token: str = ""


@dataclass(frozen=True, slots=True)
class _Added:
    added: int


Named: TypeAlias = LineageNode | str
"""A node, or how people write one: ``smollm2:3``, ``sha256:...`` (a version), ``dataset:sha256:...``."""


def named(text: str) -> tuple[str, str]:
    """Kind and id of what people write. A kind and a number, as in ``run:7``, is a model's version."""
    if _DIGEST.fullmatch(text):
        return "version", text
    kind, _, rest = text.partition(":")
    return (kind, rest) if kind in KINDS and rest and not rest.isdigit() else ("reference", text)


def trace(
    node: Named, direction: str | None, depth: int | None, adapter: str | None, policy: str | None
) -> Call[Lineage]:
    asked = _given(direction=direction, depth=depth, adapter=adapter, policy=policy)
    if isinstance(node, str) and node.startswith(LINK):
        path = "&".join([node, urlencode(asked)]) if asked else node
    else:
        kind, node_id = (node.kind, node.id) if isinstance(node, LineageNode) else named(node)
        who = {"model": node_id} if kind == "reference" else {"kind": kind, "id": node_id}
        path = LINK + urlencode(who | asked)
    return Call(Request("GET", path, repeatable=True), parsing.one(Lineage))


def record(edges: Sequence[tuple[Named, str, Named]]) -> Call[int]:
    """Safe to repeat: the platform knows the key again."""
    said = [{"from": _said(source), "relation": name, "to": _said(target)} for source, name, target in edges]
    key = uuid.uuid4().hex
    request = Request("POST", "/lineage", {"edges": said}, repeatable=True, idempotency_key=key)
    return Call(request, lambda _status, body: parsing.decoded(_Added, body).added)


def evaluations(model: str, version: int, token: str) -> Call[EvaluationPage]:
    query = urlencode(_given(page_size=_PAGE, page_token=token or None))
    path = f"{_path('models', model, 'versions', str(version), 'evaluations')}?{query}"
    return Call(Request("GET", path, repeatable=True), parsing.one(EvaluationPage))


def record_evaluation(
    model: str,
    version: int,
    suite: str,
    results: Mapping[str, float],
    suite_digest: str | None,
    outcome: str | None,
    origin: str | None,
) -> Call[Evaluation]:
    """Safe to repeat: the platform knows the key again."""
    body = _given(
        suite=suite, results=dict(results), suite_digest=suite_digest, outcome=outcome, origin=origin
    )
    path, key = _path("models", model, "versions", str(version), "evaluations"), uuid.uuid4().hex
    request = Request("POST", path, body, repeatable=True, idempotency_key=key)
    return Call(request, parsing.one(Evaluation))


def _said(node: Named) -> dict[str, Any]:
    if isinstance(node, LineageNode):
        return _given(kind=node.kind, id=node.id, label=node.label or None, facts=dict(node.facts) or None)
    kind, node_id = named(node)
    return {"kind": kind, "id": node_id}
