"""Who may say what of what, and what is asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pytest

from colonnade.errors import ColonnadeError, InvalidArgument, NotFound, PermissionDenied
from colonnade.registry.domain import Target, Version
from colonnade.registry.lineage import Edge, Kind, NodeKey, Place
from colonnade.registry.lineage.graph import Traced
from colonnade.registry.lineage.service import Lineage, Question, Said, SaidEdge
from colonnade.registry.owners import Owners
from colonnade.security.identity import Principal, Role
from colonnade.security.inputs.once import Once
from tests.unit.registry.fakes import ENGINEER, START, MemoryTrail, MemoryVersionStore, draft

OTHER = Principal("rival", "mallory", frozenset({Role.MODEL_ENGINEER}))
DATA = Said("dataset", f"sha256:{5:064x}", "wiki", {"bytes": "7"})
COMMIT = Said("commit", "0a1b2c3d")


@dataclass
class MemoryLineage:
    """Implements ``lineage.ports.LineageStore``, as far as these tests ask."""

    where: dict[str, list[Place]] = field(default_factory=dict)
    kept: list[tuple[Sequence[Edge], str, Once | None]] = field(default_factory=list)
    asked: list[tuple[Sequence[NodeKey], bool, bool, int]] = field(default_factory=list)

    async def record(self, edges: Sequence[Edge], *, by: str, at: datetime, once: Once | None) -> int:
        self.kept.append((edges, by, once))
        return len(edges)

    async def trace(
        self, roots: Sequence[NodeKey], *, upstream: bool, downstream: bool, depth: int
    ) -> Traced:
        self.asked.append((roots, upstream, downstream, depth))
        return Traced(tuple(roots), (), ())

    async def places(self, digest: str) -> Sequence[Place]:
        return self.where.get(digest, [])


@dataclass
class Room:
    store: MemoryLineage
    versions: MemoryVersionStore
    trail: MemoryTrail
    lineage: Lineage

    async def register(self, name: str, seed: int) -> Version:
        version = await self.versions.register(draft(name, seed), alias="")
        place = Place(name, version.manifest.version)
        self.store.where.setdefault(version.manifest.digest, []).append(place)
        return version


@pytest.fixture
def room() -> Room:
    store, versions, trail = MemoryLineage(), MemoryVersionStore(), MemoryTrail()
    lineage = Lineage(store, versions, Owners(versions), trail, clock=lambda: START)
    return Room(store, versions, trail, lineage)


async def test_an_engineer_says_what_a_version_was_trained_on(room: Room) -> None:
    version = await room.register("smol", 1)
    said = [
        SaidEdge(Said("reference", "smol:1"), "trained_on", DATA),
        SaidEdge(Said("version", version.manifest.digest), "built_from", COMMIT),
    ]
    assert await room.lineage.record(said, ENGINEER, "key-1") == 2
    ((edges, by, once),) = room.store.kept
    assert by == "acme/eve"
    assert once is not None
    assert (once.owner, once.key) == ("acme/eve", "key-1")
    own = NodeKey(Kind.VERSION, version.manifest.digest)
    assert [(each.source.key, each.relation) for each in edges] == [(own, "trained_on"), (own, "built_from")]
    assert edges[0].target.facts == {"bytes": "7"}
    assert room.trail.outcomes == ["begun", "ok"]


async def test_what_another_tenants_version_came_from_only_its_owner_says(room: Room) -> None:
    version = await room.register("smol", 1)
    edge = SaidEdge(Said("version", version.manifest.digest), "trained_on", DATA)
    with pytest.raises(PermissionDenied, match="acme"):
        await room.lineage.record([edge], OTHER)
    assert room.store.kept == []
    about_a_run = SaidEdge(Said("run", "run-7"), "derived_from", Said("reference", "smol:1"))
    assert await room.lineage.record([about_a_run, SaidEdge(Said("run", "run-7"), "trained_on", DATA)], OTHER)


async def test_facts_of_another_tenants_version_only_its_owner_says(room: Room) -> None:
    version = await room.register("smol", 1)
    digest = version.manifest.digest
    await room.lineage.record([SaidEdge(Said("run", "r1"), "derived_from", Said("version", digest))], OTHER)
    said = [SaidEdge(Said("run", "r1"), "derived_from", Said("version", digest, facts={"stolen": "true"}))]
    with pytest.raises(PermissionDenied, match="acme"):
        await room.lineage.record(said, OTHER)
    assert await room.lineage.record(said, ENGINEER) == 1


async def test_of_content_under_several_names_one_owner_is_enough(room: Room) -> None:
    version = await room.register("smol", 1)
    made = replace(draft("copy", 1), created_by="rival/mallory")
    await room.versions.register(made, alias="")
    room.store.where[version.manifest.digest].append(Place("copy", 1))
    edge = SaidEdge(Said("reference", "copy:1"), "trained_on", DATA)
    assert await room.lineage.record([edge], OTHER) == 1


async def test_what_is_refused_of_records(room: Room) -> None:
    await room.register("smol", 1)
    smol, ev = Said("reference", "smol:1"), Said("evaluation", "ev_0123456789ab")
    refused: list[tuple[list[SaidEdge], type[ColonnadeError], str]] = [
        ([], InvalidArgument, "at least one"),
        ([SaidEdge(smol, "trained_on", DATA)] * 201, ColonnadeError, "200"),
        ([SaidEdge(smol, "trained_on", COMMIT)], InvalidArgument, "it joins"),
        ([SaidEdge(smol, "judged_by", ev)], InvalidArgument, "by themselves"),
        ([SaidEdge(Said("reference", "smol:9"), "trained_on", DATA)], NotFound, "smol:9"),
        ([SaidEdge(Said("version", DATA.id), "trained_on", DATA)], NotFound, "no version"),
        ([SaidEdge(smol, "trained_on", replace(DATA, label="x\ny"))], InvalidArgument, "label"),
    ]
    for edges, kind, words in refused:
        with pytest.raises(kind, match=words):
            await room.lineage.record(edges, ENGINEER)
    assert room.store.kept == []


async def test_a_question_by_reference_means_every_version_behind_it(room: Room) -> None:
    one, two = await room.register("smol", 1), await room.register("smol", 2)
    targets = [Target(1, 50), Target(2, 50)]
    await room.versions.move_alias("smol", "both", targets, expected_revision=None, by="x", at=START)
    await room.lineage.trace(Question(Said("reference", "smol@both")))
    roots = [NodeKey(Kind.VERSION, each.manifest.digest) for each in (one, two)]
    assert room.store.asked == [(roots, True, False, 0)]
    edge = SaidEdge(Said("reference", "smol@both"), "trained_on", DATA)
    with pytest.raises(InvalidArgument, match="2 versions"):
        await room.lineage.record([edge], ENGINEER)


async def test_adapter_and_policy_are_asked_about_as_well(room: Room) -> None:
    node, adapter = Said("version", f"sha256:{1:064x}"), f"sha256:{2:064x}"
    await room.lineage.trace(Question(node, "both", 3, adapter, "strict@2"))
    roots = [
        NodeKey(Kind.VERSION, node.id),
        NodeKey(Kind.VERSION, adapter),
        NodeKey(Kind.POLICY, "strict@2"),
    ]
    assert room.store.asked == [(roots, True, True, 3)]


@pytest.mark.parametrize(
    ("question", "field"),
    [
        (Question(DATA, "sideways"), "direction"),
        (Question(DATA, "", 101), "depth"),
        (Question(DATA, "", -1), "depth"),
        (Question(Said("dataset", "wiki")), "node.id"),
        (Question(Said("book", "wiki")), "node.kind"),
        (Question(DATA, adapter="poet"), "adapter.id"),
        (Question(DATA, policy="strict"), "policy.id"),
    ],
    ids=["direction", "deep", "negative", "id", "kind", "adapter", "policy"],
)
async def test_what_is_refused_of_questions(room: Room, question: Question, field: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await room.lineage.trace(question)
    assert refused.value.details["field"] == field
