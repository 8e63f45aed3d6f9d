"""What every store of the graph does, on a file and on a real server."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, delete

from colonnade.errors import Conflict, NotFound
from colonnade.registry.adapters import lineage
from colonnade.registry.adapters.lineage_tables import LINEAGE_EDGES, LINEAGE_NODES
from colonnade.registry.adapters.sql import SqlVersionStore
from colonnade.registry.adapters.sql_catalogue import SqlCatalogueStore
from colonnade.registry.adapters.sql_lineage import SqlLineageStore
from colonnade.registry.adapters.sql_rollouts import SqlRolloutStore
from colonnade.registry.domain import Target, Version
from colonnade.registry.lineage import Edge, Kind, Node, NodeKey, Place, Relation
from colonnade.registry.lineage.graph import Traced
from colonnade.registry.migrations import r0006_lineage
from colonnade.security.inputs.once import Once
from colonnade.storage.sql import Database
from tests.contract.conftest import KINDS
from tests.contract.evaluations.test_evaluation_store import judged_rollout
from tests.unit.registry.fakes import START, draft

LATER = START + timedelta(seconds=9)
BY = "acme/eve"


def dataset(number: int, label: str = "", facts: dict[str, str] | None = None) -> Node:
    return Node(NodeKey(Kind.DATASET, f"sha256:{number:064x}"), label, facts or {})


def edge(source: Node, target: Node, relation: Relation = Relation.DERIVED_FROM) -> Edge:
    return Edge(source, relation, target)


def chain(*numbers: int) -> list[Edge]:
    """Each comes from the next."""
    return [edge(dataset(one), dataset(other)) for one, other in pairwise(numbers)]


@dataclass
class Stores:
    database: Database
    lineage: SqlLineageStore
    versions: SqlVersionStore

    async def register(self, name: str, seed: int, *, base: str = "", alias: str = "") -> Version:
        return await self.versions.register(draft(name, seed, base=base), alias=alias)

    async def record(self, *edges: Edge, once: Once | None = None) -> int:
        return await self.lineage.record(edges, by=BY, at=LATER, once=once)

    async def up(self, *roots: NodeKey, depth: int = 0) -> Traced:
        return await self.lineage.trace(roots, upstream=True, downstream=False, depth=depth)

    async def down(self, *roots: NodeKey, depth: int = 0) -> Traced:
        return await self.lineage.trace(roots, upstream=False, downstream=True, depth=depth)


@pytest.fixture(params=KINDS)
async def stores(request: pytest.FixtureRequest, opened: Callable[[str, str], Database]) -> Stores:
    database = opened(request.param, "colonnade.registry")
    return Stores(database, SqlLineageStore(database), SqlVersionStore(database))


def keys(traced: Traced) -> list[NodeKey]:
    return [node.key for node in traced.nodes]


def lines(traced: Traced) -> set[tuple[NodeKey, str, NodeKey]]:
    return {(each.source, each.relation.value, each.target) for each in traced.edges}


def of(version: Version) -> NodeKey:
    return NodeKey(Kind.VERSION, version.manifest.digest)


async def test_a_registration_says_what_it_was_converted_from(stores: Stores) -> None:
    version = await stores.register("smol", 1)
    traced = await stores.up(of(version))
    source = NodeKey(Kind.SOURCE, "sha256:source")
    assert keys(traced) == [of(version), source]
    assert [node.label for node in traced.nodes] == ["smol:1", "1"], "without the folder"
    assert traced.nodes[0].facts == {"family": "transformer", "size": "135M"}
    assert traced.nodes[0].places == (Place("smol", 1, ("production",)),)
    (only,) = traced.edges
    assert (only.source, only.relation, only.target) == (of(version), Relation.CONVERTED_FROM, source)
    assert (only.by, only.at) == (BY, START)
    assert not traced.truncated


async def test_an_adapter_is_derived_from_its_base(stores: Stores) -> None:
    base = await stores.register("smol", 1)
    adapter = await stores.register("poet", 2, base=base.manifest.digest)
    assert (of(adapter), "derived_from", of(base)) in lines(await stores.up(of(adapter)))
    assert of(adapter) in keys(await stores.down(of(base)))


async def test_equal_content_under_two_names_is_one_node(stores: Stores) -> None:
    first = await stores.register("smol", 1)
    await stores.versions.register(replace(draft("other", 1), created_at=LATER), alias="")
    (node, *_) = (await stores.up(of(first))).nodes
    assert node.label == "smol:1"
    assert node.places == (Place("smol", 1, ("production",)), Place("other", 1, ("production",)))
    assert list(await stores.lineage.places(of(first).id)) == list(node.places)


async def test_what_is_deleted_stays_with_its_label(stores: Stores) -> None:
    await stores.register("smol", 1)
    version = await stores.register("smol", 2)
    catalogue = SqlCatalogueStore(stores.database)
    await catalogue.delete_version("smol", 2, by=BY, at=LATER, why="")
    (node, *_) = (await stores.up(of(version))).nodes
    assert (node.label, node.places, node.facts["deleted"]) == ("smol:2", (), "true")
    assert await stores.lineage.places(of(version).id) == []


async def test_a_renamed_model_is_found_by_its_name_of_now(stores: Stores) -> None:
    version = await stores.register("smol", 1)
    await SqlCatalogueStore(stores.database).rename_model("smol", "smollm2", by=BY, at=LATER)
    (node, *_) = (await stores.up(of(version))).nodes
    assert (node.label, node.places) == ("smollm2:1", (Place("smollm2", 1, ("production",)),))


async def test_edges_are_added_once_and_keep_who_said_it_first(stores: Stores) -> None:
    assert await stores.record(*chain(1, 2, 3)) == 2
    again = stores.lineage.record(chain(1, 2, 3, 4), by="acme/ann", at=START, once=None)
    assert await again == 1
    found = {(each.source, each.by) for each in (await stores.up(dataset(1).key)).edges}
    assert found == {
        (dataset(1).key, BY),
        (dataset(2).key, BY),
        (dataset(3).key, "acme/ann"),
    }


async def test_what_is_known_of_a_node_stays_and_what_is_new_is_added(stores: Stores) -> None:
    await stores.record(edge(dataset(1), dataset(2, "", {"bytes": "7"})))
    await stores.record(edge(dataset(1, "one"), dataset(2, "two", {"bytes": "8", "name": "wiki"})))
    await stores.record(edge(dataset(1, "another"), dataset(2, "other", {"more": "x" * 390})))
    found = {node.key: (node.label, dict(node.facts)) for node in (await stores.up(dataset(1).key)).nodes}
    assert found[dataset(1).key] == ("one", {})
    assert found[dataset(2).key] == ("two", {"bytes": "7", "name": "wiki"}), "there was no room for more"


async def test_an_edge_that_would_close_a_cycle_is_refused_and_nothing_of_its_request_is_kept(
    stores: Stores,
) -> None:
    await stores.record(*chain(1, 2, 3))
    with pytest.raises(Conflict, match="cycle"):
        await stores.record(edge(dataset(3), dataset(4)), edge(dataset(4), dataset(1)))
    with pytest.raises(NotFound):
        await stores.up(dataset(4).key)
    with pytest.raises(Conflict, match="cycle"):
        await stores.record(*chain(5, 6, 5))
    assert await stores.record(edge(dataset(1), dataset(3))) == 1


async def test_what_is_new_is_added_without_a_walk_through_all_that_it_comes_from(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stores.record(*chain(1, 2, 3))
    monkeypatch.setattr(lineage, "walk", None)
    assert await stores.record(*chain(4, 1)) == 1
    with pytest.raises(TypeError):
        await stores.record(*chain(3, 4))


async def test_of_two_that_close_a_cycle_together_one_is_refused(stores: Stores) -> None:
    for attempt in range(2):
        one, other = dataset(2 * attempt), dataset(2 * attempt + 1)
        found = await asyncio.gather(
            stores.record(edge(one, other)), stores.record(edge(other, one)), return_exceptions=True
        )
        assert sorted(map(str, map(type, found))) == sorted([str(int), str(Conflict)])


async def test_a_registration_is_not_refused_for_what_was_said_of_it_before(stores: Stores) -> None:
    version = await stores.register("smol", 1)
    source = Node(NodeKey(Kind.SOURCE, "sha256:round-trip"))
    await stores.record(edge(source, Node(of(version))))
    again = replace(draft("copy", 1), source_digest="sha256:round-trip")
    assert (await stores.versions.register(again, alias="")).manifest.digest == version.manifest.digest
    assert (of(version), "converted_from", source.key) not in lines(await stores.up(of(version)))


async def test_versions_enter_by_their_registration_alone(stores: Stores) -> None:
    nobody = Node(NodeKey(Kind.VERSION, f"sha256:{7:064x}"))
    with pytest.raises(NotFound, match=nobody.key.id):
        await stores.record(edge(nobody, dataset(1), Relation.TRAINED_ON))
    with pytest.raises(NotFound, match=nobody.key.id):
        await stores.up(nobody.key)


async def test_one_key_records_once(stores: Stores) -> None:
    once = Once(BY, "key", "f" * 64)
    assert await stores.record(*chain(1, 2, 3), once=once) == 2
    assert await stores.record(*chain(1, 2, 3), once=once) == 2
    with pytest.raises(Conflict, match="key"):
        await stores.record(*chain(8, 9), once=replace(once, fingerprint="0" * 64))


async def test_a_trace_goes_as_deep_as_it_is_asked_to(stores: Stores) -> None:
    await stores.record(*chain(1, 2, 3, 4), edge(dataset(1), dataset(4)), edge(dataset(9), dataset(2)))

    def numbers(traced: Traced) -> list[int]:
        return sorted(int(key.id.removeprefix("sha256:"), 16) for key in keys(traced))

    assert numbers(await stores.up(dataset(1).key, depth=1)) == [1, 2, 4]
    assert numbers(await stores.up(dataset(1).key, depth=2)) == [1, 2, 3, 4]
    assert numbers(await stores.down(dataset(4).key, depth=1)) == [1, 3, 4]
    assert numbers(await stores.down(dataset(2).key)) == [1, 2, 9]
    both = await stores.lineage.trace([dataset(2).key], upstream=True, downstream=True, depth=0)
    assert numbers(both) == [1, 2, 3, 4, 9]
    assert (dataset(1).key, "derived_from", dataset(4).key) not in lines(both), (
        "it does not touch what was asked"
    )
    assert numbers(await stores.up(dataset(3).key, dataset(9).key)) == [2, 3, 4, 9]


async def test_what_is_too_much_is_cut_off_and_says_so(stores: Stores) -> None:
    await stores.record(*(edge(dataset(number), dataset(0)) for number in range(1, 9)))
    some = SqlLineageStore(stores.database, max_nodes=4)
    cut = await some.trace([dataset(0).key], upstream=False, downstream=True, depth=0)
    assert (len(cut.nodes), cut.truncated, cut.nodes[0].key) == (4, True, dataset(0).key)
    assert all({each.source, each.target} <= set(keys(cut)) for each in cut.edges)
    whole = SqlLineageStore(stores.database, max_nodes=9)
    assert not (await whole.trace([dataset(0).key], upstream=False, downstream=True, depth=0)).truncated


async def test_even_a_cycle_would_end(stores: Stores) -> None:
    """There is none, unless somebody writes to the database by hand."""
    await stores.record(*chain(1, 2, 3))
    one, three = str(dataset(1).key), str(dataset(3).key)
    async with stores.database.engine.begin() as connection:
        await connection.exec_driver_sql(
            'INSERT INTO lineage_edges (source, relation, target, "at", "by") '
            f"VALUES ('{three}', 'derived_from', '{one}', 0, 'x')"
        )
    for depth in (0, 100):
        traced = await stores.up(dataset(1).key, depth=depth)
        assert (len(traced.nodes), len(traced.edges)) == (3, 3)


def reference(edges: set[tuple[int, int]], root: int, depth: int, *, upstream: bool) -> set[int]:
    """A plain walk, level by level."""
    level = reached = {root}
    while level and (depth := depth - 1) >= -1:
        level = {
            (target if upstream else source)
            for source, target in edges
            if (source if upstream else target) in level
        } - reached
        reached = reached | level
        if not depth:
            break
    return reached


@pytest.mark.parametrize("seed", range(2))
async def test_any_graph_is_walked_as_a_plain_walk_does(stores: Stores, seed: int) -> None:
    rng = random.Random(seed)
    kept: set[tuple[int, int]] = set()
    for _ in range(30):
        one, other = rng.sample(range(10), 2)
        closes = one in reference(kept, other, 99, upstream=True)
        try:
            await stores.record(edge(dataset(one), dataset(other)))
            assert not closes
            kept.add((one, other))
        except Conflict:
            assert closes
    there = {number for pair in kept for number in pair}
    for root in sorted(there):
        for depth in (0, 1, 2):
            for walked, upstream in ((stores.up, True), (stores.down, False)):
                traced = await walked(dataset(root).key, depth=depth)
                expected = reference(kept, root, depth or 99, upstream=upstream)
                assert {int(key.id[7:], 16) for key in keys(traced)} == expected
                found = {(int(each.source.id[7:], 16), int(each.target.id[7:], 16)) for each in traced.edges}
                assert found == {pair for pair in kept if set(pair) <= expected}


async def test_versions_that_were_there_before_the_graph_are_taken_into_it(stores: Stores) -> None:
    base = await stores.register("smol", 1)
    await stores.register("smol", 2)
    await stores.register("copy", 1)
    adapter = await stores.register("poet", 3, base=base.manifest.digest)

    async def graph() -> list[object]:
        traces = [await stores.up(of(adapter)), await stores.down(NodeKey(Kind.SOURCE, "sha256:source"))]
        return [(sorted(each.nodes, key=str), sorted(each.edges, key=str)) for each in traces]

    def taken_in(connection: Connection) -> None:
        for table in (LINEAGE_EDGES, LINEAGE_NODES):
            connection.execute(delete(table))
        with Operations.context(MigrationContext.configure(connection)):
            r0006_lineage.what_is_there(LINEAGE_NODES, LINEAGE_EDGES)

    before = await graph()
    async with stores.database.engine.begin() as connection:
        await connection.run_sync(taken_in)
    assert await graph() == before


async def test_a_rollouts_gates_are_in_the_graph(stores: Stores) -> None:
    for seed in (1, 2):
        version = await stores.register("smol", seed)
    await judged_rollout(SqlRolloutStore(stores.database))
    traced = await stores.down(NodeKey(Kind.ROLLOUT, "ro_1"))
    assert {key.kind for key in keys(traced)} == {Kind.ROLLOUT, Kind.EVALUATION, Kind.VERSION}
    assert of(version) in keys(traced)


async def test_an_alias_that_moves_is_seen_at_once(stores: Stores) -> None:
    for seed in (1, 2):
        version = await stores.register("smol", seed)
    await stores.versions.move_alias(
        "smol", "production", [Target(1, 90), Target(2, 10)], expected_revision=None, by=BY, at=LATER
    )
    (node, *_) = (await stores.up(of(version))).nodes
    assert node.places == (Place("smol", 2, ("production",)),)
