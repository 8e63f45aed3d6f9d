"""What every index of vectors does: in memory, beside a file, on a server; exactly, and with graphs."""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.memory.adapters.sql_store import SqlMemoryStore
from colonnade.memory.adapters.vectors_embedded import EmbeddedVectors
from colonnade.memory.adapters.vectors_pgvector import PgVectors
from colonnade.memory.domain.memories import Kind
from colonnade.memory.domain.scope import Scope
from colonnade.memory.domain.search import Filter, Near
from colonnade.memory.ports import MemoryStore, VectorIndex
from colonnade.storage.migrations import migrate
from colonnade.storage.sql import Database
from tests.contract.conftest import Opener
from tests.harness.postgres import Postgres
from tests.unit.memory.fake_vectors import FakeVectorIndex
from tests.unit.memory.fakes import ANN, BOB, EVE, START, FakeMemoryStore, document, memory, memory_id, turn

MODEL, OTHER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
ALL = Filter()
SHARED = EVE.shared
_FEW = 4
"""From so many vectors on there is an index, where there is one."""


@dataclass
class House:
    store: MemoryStore
    vectors: VectorIndex

    async def put(self, vectors: dict[int, Sequence[float]], scope: Scope = EVE, model: str = MODEL) -> None:
        """Facts of those numbers, with those vectors."""
        for number in vectors:
            await self.store.add(memory(number, f"number {number}", scope))
        await self.embed(vectors, scope, model)

    async def embed(
        self, vectors: dict[int, Sequence[float]], scope: Scope = EVE, model: str = MODEL
    ) -> None:
        await self.vectors.put(scope, model, {memory_id(number): each for number, each in vectors.items()})
        await self.settled()

    async def settled(self) -> None:
        if isinstance(self.vectors, EmbeddedVectors):
            await self.vectors.graphs.settled()

    async def near(
        self,
        vector: Sequence[float],
        wanted: Filter = ALL,
        limit: int = 10,
        scopes: Sequence[Scope] = (EVE,),
        model: str = MODEL,
    ) -> list[int]:
        return numbers(await self.vectors.nearest(scopes, model, vector, wanted, limit))


@pytest.fixture(params=("memory", "exact", "graphs", "postgres", "postgres index"))
async def house(request: pytest.FixtureRequest, opened: Opener, tmp_path: Path) -> AsyncIterator[House]:
    if request.param == "memory":
        store = FakeMemoryStore()
        yield House(store, FakeVectorIndex(store))
    elif request.param.startswith("postgres"):
        database = opened("postgres", "colonnade.memory")
        many = {"exact": _FEW} if "index" in request.param else {}
        yield House(SqlMemoryStore(database), PgVectors(database, **many))
    else:
        database = opened("sqlite", "colonnade.memory")
        many = {"exact": _FEW} if request.param == "graphs" else {}
        vectors = EmbeddedVectors(database, tmp_path / "vectors", **many)
        yield House(SqlMemoryStore(database), vectors)
        await vectors.close()


def numbers(found: Sequence[Near]) -> list[int]:
    return [int(near.id.removeprefix("mem_")[:16], 16) for near in found]


def circle(count: int) -> dict[int, Sequence[float]]:
    """Vectors at growing angles from (1, 0, 0)."""
    angles = [number * math.pi / 2 / count for number in range(1, count + 1)]
    return {number: (math.cos(each), math.sin(each), 0.0) for number, each in enumerate(angles, 1)}


async def test_a_server_without_pgvector_is_refused_with_what_to_do(postgres: Postgres) -> None:
    postgres.execute("CREATE ROLE plain LOGIN")
    postgres.execute("CREATE DATABASE plain OWNER plain")
    database = Database(postgres.url("plain").replace("postgres@", "plain@"))
    try:
        with pytest.raises(Unsupported, match="CREATE EXTENSION vector") as refusal:
            await migrate(database, "colonnade.memory")
        assert refusal.value.details["field"] == "database_url"
        with psycopg.connect(postgres.url("plain"), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION vector")
        await migrate(database, "colonnade.memory")
    finally:
        await database.close()
        postgres.execute("DROP DATABASE plain WITH (FORCE)")
        postgres.execute("DROP ROLE plain")


async def test_the_nearest_come_first_with_their_cosines(house: House) -> None:
    vectors = circle(12)
    await house.put(dict(reversed(vectors.items())))
    for _ in range(2):  # the second time from what was kept or made the first time
        found = await house.vectors.nearest([EVE], MODEL, (1, 0, 0), ALL, 5)
        assert numbers(found) == [1, 2, 3, 4, 5]
        assert [near.cosine for near in found] == pytest.approx(
            [vectors[number][0] for number in range(1, 6)], abs=1e-3
        )
        await house.settled()
    assert await house.near((1, 0, 0), limit=100) == list(range(1, 13))
    assert await house.near((0, 7, 0), limit=2) == [12, 11]
    assert await house.near((1, 0, 0), limit=0) == []


async def test_nothing_is_near_where_nothing_is(house: House) -> None:
    assert await house.near((1, 0, 0)) == []
    await house.put(circle(2))
    assert await house.near((1, 0, 0), scopes=[]) == []
    assert await house.near((1, 0, 0), scopes=[BOB]) == []
    assert await house.near((1, 0, 0), model=OTHER) == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ((math.nan, 1, 0), "finite"),
        ((math.inf, 1, 0), "finite"),
        ((0.0, 0, 0), "0"),
        ((1.0, 0), "3"),
        ((), "numbers"),
        ((1.0,) * 4001, "4000"),
        (((1.0, 0, 0),), "numbers"),
        (("x", "y", "z"), "numbers"),
    ],
)
async def test_a_wrong_vector_is_refused_by_its_field(
    house: House, wrong: Sequence[float], words: str
) -> None:
    await house.put({1: (1, 0, 0)})
    await house.store.add(memory(2))
    with pytest.raises(InvalidArgument, match=words) as refusal:
        await house.embed({1: (0, 1, 0), 2: wrong})
    assert refusal.value.details["field"] == f"vectors.{memory_id(2)}"
    with pytest.raises(InvalidArgument, match=words) as refusal:
        await house.near(wrong)
    assert refusal.value.details["field"] == "vector"
    assert (await house.vectors.nearest([EVE], MODEL, (1, 0, 0), ALL, 5))[0].cosine > 0.99  # nothing was put


async def test_vectors_that_come_together_are_of_one_length(house: House) -> None:
    for number in (1, 2):
        await house.store.add(memory(number))
    with pytest.raises(InvalidArgument, match="others have 3"):
        await house.embed({1: (1, 0, 0), 2: (1, 0)})
    assert await house.near((1, 0, 0)) == []


async def test_very_large_and_very_small_numbers_point_as_others_do(house: House) -> None:
    await house.put({1: (1e300, 0, 0), 2: (0, 1e-300, 0), 3: (-1e300, 1e300, 0)})
    assert await house.near((1e-200, 1e-201, 0)) == [1, 2, 3]


async def test_equals_are_in_the_order_of_their_ids(house: House) -> None:
    rng = np.random.default_rng(7)
    same = rng.normal(size=24)
    await house.put({number: tuple(same) for number in (9, 3, 17, 5, 1, 12, 8, 30, 2)})
    assert await house.near(tuple(rng.normal(size=24)), limit=50) == [1, 2, 3, 5, 8, 9, 12, 17, 30]


async def test_a_vector_is_replaced(house: House) -> None:
    await house.put(circle(8))
    assert await house.near((1, 0, 0), limit=2) == [1, 2]
    await house.embed({1: (0, 0, 1), 8: (1, 0, 0)})
    assert await house.near((1, 0, 0), limit=2) == [8, 2]
    assert await house.near((0, 0, 1), limit=1) == [1]
    assert sorted(await house.near((1, 0, 0), limit=50)) == list(range(1, 9))


async def test_models_are_kept_apart(house: House) -> None:
    await house.put(circle(6))
    await house.put(dict.fromkeys(range(11, 18), (1.0, 0.0)), model=OTHER)
    assert sorted(await house.near((1, 0), model=OTHER, limit=50)) == list(range(11, 18))
    assert sorted(await house.near((1, 0, 0), limit=50)) == list(range(1, 7))
    await house.embed({1: (1, 0)}, model=OTHER)  # it has one vector: the latest
    assert 1 not in await house.near((1, 0, 0), limit=50)
    assert 1 in await house.near((1, 0), model=OTHER, limit=50)


async def test_what_is_forgotten_has_no_vector(house: House) -> None:
    await house.put(circle(9))
    assert await house.near((1, 0, 0), limit=3) == [1, 2, 3]
    await house.settled()
    await house.store.forget(EVE, [memory_id(1), memory_id(3), memory_id(9)])
    assert await house.near((1, 0, 0), limit=50) == [2, 4, 5, 6, 7, 8]
    await house.embed({1: (1, 0, 0), 2: (0, 0, 1)})  # of those that are gone, nothing
    assert await house.near((1, 0, 0), limit=50) == [4, 5, 6, 7, 8, 2]
    await house.store.add(memory(1, "again"))
    assert await house.near((1, 0, 0), limit=1) == [4]


async def test_nothing_is_put_for_anothers_memory(house: House) -> None:
    await house.put(circle(3))
    await house.embed({1: (0, 0, 1)}, scope=BOB)
    assert await house.near((0, 0, 1), scopes=[BOB]) == []
    assert await house.near((1, 0, 0), limit=1) == [1]


async def test_missing_are_those_without_a_vector_of_the_model_oldest_first(house: House) -> None:
    for number, scope in ((3, EVE), (1, BOB), (4, ANN), (2, EVE), (5, SHARED)):
        await house.store.add(memory(number, f"number {number}", scope))
    everything = await house.vectors.missing(MODEL, 10)
    texts = {scope.scope: list(scope.texts.items()) for scope in everything}
    assert texts == {
        BOB: [(memory_id(1), "number 1")],
        EVE: [(memory_id(2), "number 2"), (memory_id(3), "number 3")],
        ANN: [(memory_id(4), "number 4")],
        SHARED: [(memory_id(5), "number 5")],
    }
    first = await house.vectors.missing(MODEL, 2)
    assert {each.scope: list(each.texts) for each in first} == {BOB: [memory_id(1)], EVE: [memory_id(2)]}
    await house.embed({1: (1, 0, 0)}, scope=BOB)
    await house.embed({2: (1, 0, 0), 3: (1, 0, 0)})
    left = await house.vectors.missing(MODEL, 10)
    assert [list(each.texts) for each in left] == [[memory_id(4)], [memory_id(5)]]
    await house.embed({2: (1, 0)}, model=OTHER)  # and so it has none of the first model
    assert memory_id(2) in [id_ for each in await house.vectors.missing(MODEL, 10) for id_ in each.texts]
    assert len(await house.vectors.missing(OTHER, 10)) == 4


async def test_nothing_is_missing_where_all_have_one(house: House) -> None:
    assert await house.vectors.missing(MODEL, 10) == []
    await house.put(circle(5))
    assert await house.vectors.missing(MODEL, 10) == []
    assert [len(each.texts) for each in await house.vectors.missing(OTHER, 10)] == [5]


async def filled(house: House) -> None:
    """Facts 1 to 6 and turns 11 to 16 and chunks, all but at the same angle as their numbers."""
    await house.put(circle(6))
    spread = circle(20)
    for number in range(11, 17):
        await house.store.add(turn(number, f"turn {number}", session="a" if number % 2 else "b"))
        await house.embed({number: spread[number]})
    for number in (1, 2):
        found, read, chunks = document(number, "x" * 400)
        await house.store.add_document(found, read, chunks, None)
        await house.vectors.put(EVE, MODEL, {chunk.id: (1, 0.001 * number, 0) for chunk in chunks})
    await house.settled()


async def test_filters_let_some_through(house: House) -> None:
    await filled(house)
    near = (1.0, 0.0, 0.0)
    assert await house.near(near, Filter(kinds=frozenset({Kind.FACT})), limit=50) == [1, 2, 3, 4, 5, 6]
    assert await house.near(near, Filter(kinds=frozenset({Kind.FACT, Kind.TURN})), limit=3) == [1, 2, 3]
    assert await house.near(near, Filter(session="a"), limit=50) == [11, 13, 15]
    assert await house.near(near, Filter(session="a"), limit=2) == [11, 13]
    assert await house.near(near, Filter(session="c"), limit=50) == []
    second = document(2, "x" * 400)[0].id
    assert await house.near(near, Filter(documents=frozenset({second})), limit=50) == [
        200_000, 200_001, 200_002, 200_003,
    ]  # fmt: skip
    since, until = START + timedelta(seconds=12), START + timedelta(seconds=15)
    assert await house.near(near, Filter(since=since, until=until), limit=50) == [12, 13, 14]
    both = Filter(kinds=frozenset({Kind.TURN}), session="b", since=since)
    assert await house.near(near, both, limit=50) == [12, 14, 16]
    assert await house.near(near, Filter(kinds=frozenset({Kind.EPISODE})), limit=50) == []


async def test_own_leaves_out_what_is_shared(house: House) -> None:
    await house.put(circle(6))
    await house.put(dict.fromkeys(range(21, 27), (1, 0, 0)), scope=SHARED)
    both = EVE.seen
    assert await house.near((1, 0, 0), limit=50, scopes=both) == [21, 22, 23, 24, 25, 26, 1, 2, 3, 4, 5, 6]
    assert await house.near((1, 0, 0), limit=8, scopes=both) == [21, 22, 23, 24, 25, 26, 1, 2]
    assert await house.near((1, 0, 0), Filter(own=True), 50, both) == [1, 2, 3, 4, 5, 6]
    assert await house.near((1, 0, 0), limit=50, scopes=(EVE, EVE)) == [1, 2, 3, 4, 5, 6]


async def test_a_filter_that_few_pass_finds_all_of_them(house: House) -> None:
    """However far they are: three of three hundred, at the other end."""
    rng = np.random.default_rng(3)
    await house.put({number: tuple(rng.normal(size=16) + 3) for number in range(1, 151)})
    for number in (1001, 1002, 1003):
        await house.store.add(turn(number, session="far"))
    await house.embed({number: tuple(rng.normal(size=16) - 3) for number in (1001, 1002, 1003)})
    await house.near((1.0,) * 16)
    await house.settled()
    assert sorted(await house.near((1.0,) * 16, Filter(session="far"), limit=3)) == [1001, 1002, 1003]
    assert len(await house.near((1.0,) * 16, Filter(kinds=frozenset({Kind.FACT})), limit=150)) == 150
    assert len(await house.near((1.0,) * 16, limit=153)) == 153


SCOPES = (EVE, BOB, ANN, SHARED, Scope("acme", "eve "[:3] + "2"), Scope("globex", "eve"), Scope("globex"))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    owners=st.lists(st.sampled_from(SCOPES), min_size=1, max_size=12),
    asked=st.lists(st.sampled_from(SCOPES), max_size=3, unique=True),
    limit=st.integers(1, 12),
)
async def test_no_scope_sees_another(
    house: House, owners: list[Scope], asked: list[Scope], limit: int
) -> None:
    drawn = next(_DRAWN) * 100
    mine: dict[int, Scope] = {drawn + place: scope for place, scope in enumerate(owners, 1)}
    for number, scope in mine.items():
        await house.put({number: (1, number / 1e6, 0)}, scope)
    found = await house.vectors.nearest(asked, MODEL, (1, 0, 0), ALL, 10_000)
    expected = [number for number, scope in mine.items() if scope in asked]
    assert [number for number in numbers(found) if number > drawn] == expected
    assert len(await house.near((1, 0, 0), limit=limit, scopes=asked)) == min(limit, len(found))


_DRAWN = iter(range(1, 1_000_000))


async def test_many_put_and_ask_at_once(house: House) -> None:
    await house.put(circle(6))
    vectors = {number: (1.0, number / 1000, 0.0) for number in range(101, 131)}
    for number in vectors:
        await house.store.add(memory(number))

    async def one(number: int) -> None:
        await house.vectors.put(EVE, MODEL, {memory_id(number): vectors[number]})
        assert number in await house.near(vectors[number], limit=50)

    await asyncio.gather(*map(one, vectors))
    await house.settled()
    assert sorted(await house.near((1, 0, 0), limit=100)) == [*range(1, 7), *vectors]
