"""What people and services say to the graph, and ask of it."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from colonnade.errors import InvalidArgument, NotFound, PermissionDenied
from colonnade.registry.domain import Reference
from colonnade.registry.lineage.graph import Edge, Kind, NodeKey, Traced, check_edge, node, node_key
from colonnade.registry.lineage.ports import LineageStore
from colonnade.registry.owners import Owners
from colonnade.registry.ports import AuditTrail, VersionStore
from colonnade.registry.service import actor, utc_now
from colonnade.security.audit import privileged
from colonnade.security.identity import Principal
from colonnade.security.inputs import check_count, idempotency_key
from colonnade.security.inputs.catalogue import MAX_LINEAGE_DEPTH, MAX_LINEAGE_EDGES
from colonnade.security.inputs.once import Once

REFERENCE = "reference"
"""The kind by which a request names a version by ``name:3`` or ``name@alias``."""
DIRECTIONS = ("upstream", "downstream", "both")
_BY_THEMSELVES = (Kind.EVALUATION, Kind.ROLLOUT)


@dataclass(frozen=True, slots=True)
class Said:
    """A node as somebody names it."""

    kind: str
    id: str
    label: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SaidEdge:
    source: Said
    relation: str
    target: Said


@dataclass(frozen=True, slots=True)
class Question:
    node: Said
    direction: str = ""
    depth: int = 0
    """0: as far as it goes."""
    adapter: str = ""
    policy: str = ""


class Lineage:
    def __init__(
        self,
        store: LineageStore,
        versions: VersionStore,
        owners: Owners,
        trail: AuditTrail,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._versions = versions
        self._owners = owners
        self._trail = trail
        self._clock = clock

    async def record(self, said: Sequence[SaidEdge], principal: Principal, key: str = "") -> int:
        """How many of the edges were not there yet."""
        check_count(len(said), MAX_LINEAGE_EDGES, "edges")
        if not said:
            raise InvalidArgument("edges must have at least one", field="edges")
        edges = [await self._edge(each, f"edges[{at}]") for at, each in enumerate(said)]
        by = actor(principal)
        once = _once(said, key, by) if key else None
        facts = {"edges": len(edges), "first": f"{edges[0].source.key} -> {edges[0].target.key}"}
        async with privileged(
            self._trail, "registry.lineage.record", principal, acknowledge=True, **facts
        ) as learnt:
            told = {edge.target.key for edge in edges if edge.target.facts}
            for said_of in {edge.source.key for edge in edges} | told:
                await self._check_may(said_of, principal)
            added = await self._store.record(edges, by=by, at=self._clock(), once=once)
            learnt["added"] = added
            return added

    async def trace(self, question: Question) -> Traced:
        direction = question.direction or DIRECTIONS[0]
        if direction not in DIRECTIONS:
            raise InvalidArgument(f"direction must be one of {', '.join(DIRECTIONS)}", field="direction")
        if not 0 <= question.depth <= MAX_LINEAGE_DEPTH:
            raise InvalidArgument(
                f"depth must be 0 (as far as it goes) to {MAX_LINEAGE_DEPTH}",
                field="depth",
                limit=MAX_LINEAGE_DEPTH,
            )
        roots = [*await self._keys(question.node, "node")]
        if question.adapter:
            roots.append(node_key(Kind.VERSION, question.adapter, "adapter"))
        if question.policy:
            roots.append(node_key(Kind.POLICY, question.policy, "policy"))
        return await self._store.trace(
            list(dict.fromkeys(roots)),
            upstream=direction != "downstream",
            downstream=direction != "upstream",
            depth=question.depth,
        )

    async def _edge(self, said: SaidEdge, name: str) -> Edge:
        source = await self._one(said.source, f"{name}.from")
        target = await self._one(said.target, f"{name}.to")
        relation = check_edge(source, said.relation, target, name)
        if source.kind in _BY_THEMSELVES or target.kind in _BY_THEMSELVES:
            raise InvalidArgument(
                f"{name}: evaluations and rollouts enter the graph by themselves; record an evaluation with "
                "POST /models/{name}/versions/{number}/evaluations",
                field=name,
            )
        return Edge(
            node(source.kind, source.id, said.source.label, said.source.facts, f"{name}.from"),
            relation,
            node(target.kind, target.id, said.target.label, said.target.facts, f"{name}.to"),
        )

    async def _one(self, said: Said, name: str) -> NodeKey:
        keys = await self._keys(said, name)
        if len(keys) > 1:
            raise InvalidArgument(
                f"{name}: {said.id} means {len(keys)} versions; name one, as in model:3", field=f"{name}.id"
            )
        return keys[0]

    async def _keys(self, said: Said, name: str) -> Sequence[NodeKey]:
        if said.kind != REFERENCE:
            return [node_key(said.kind, said.id, name)]
        reference = Reference.parse(said.id)
        targets = await self._versions.find_targets(reference)
        if not targets:
            raise NotFound(f"there is no version {reference}", field=f"{name}.id")
        return [NodeKey(Kind.VERSION, manifest.digest) for manifest, _ in targets]

    async def _check_may(self, node: NodeKey, principal: Principal) -> None:
        """What a version came from, and the facts of it, its owner says: of content under several names, one
        of them."""
        if node.kind is not Kind.VERSION:
            return
        places = await self._store.places(node.id)
        if not places:
            raise NotFound(f"no version has the digest {node.id}", field="edges")
        refusals = []
        for model in sorted({place.model for place in places}):
            try:
                await self._owners.check(model, principal)
                return
            except PermissionDenied as refusal:
                refusals.append(refusal)
        raise refusals[0]


def _once(said: Sequence[SaidEdge], key: str, owner: str) -> Once:
    asked = repr(
        [
            (
                (each.source.kind, each.source.id, each.source.label, sorted(each.source.facts.items())),
                each.relation,
                (each.target.kind, each.target.id, each.target.label, sorted(each.target.facts.items())),
            )
            for each in said
        ]
    )
    return Once(owner, idempotency_key(key, "idempotency_key"), hashlib.sha256(asked.encode()).hexdigest())
