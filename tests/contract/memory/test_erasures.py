"""Erasures and tombstones, in memory and in the databases; what is deleted of a subject there."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from colonnade.errors import Conflict
from colonnade.memory.adapters.sql_erasures import SqlErasures
from colonnade.memory.adapters.sql_store import SqlMemoryStore
from colonnade.memory.adapters.tombstones import KeptTwice
from colonnade.memory.domain.erasures import Affected, AskedBy, Erasure
from colonnade.memory.domain.scope import Scope
from colonnade.memory.ports import Erasures, MemoryStore
from colonnade.security.inputs.once import Once
from tests.contract.conftest import KINDS, Opener
from tests.unit.memory.fake_erasures import FakeErasures
from tests.unit.memory.fakes import ANN, BOB, EVE, START, document, memory, turn

MARK = "a" * 64
SERVICES = ("gateway", "memory")


@pytest.fixture(params=("memory", *KINDS))
def erasures(request: pytest.FixtureRequest, opened: Opener) -> Erasures:
    if request.param == "memory":
        return FakeErasures()
    return SqlErasures(opened(request.param, "colonnade.memory"))


def erasure(number: int, mark: str = MARK, tenant: str = "acme") -> Erasure:
    return Erasure.begun(
        f"era_{number:016x}", tenant, mark, "sealed.1.x", "why", AskedBy.ADMIN, SERVICES, START
    )


async def test_what_is_kept_is_what_was_given(erasures: Erasures) -> None:
    first = erasure(1)
    assert await erasures.add(first) == first
    done = first.steps[0].done({"usage": 2}, START + timedelta(seconds=1))
    further = first.with_step(done, [Affected("tiny", "1", "why")])
    await erasures.save(further.with_step(first.steps[1].failed("away", START)))
    kept = await erasures.find(first.id)
    assert kept is not None
    assert (kept.steps[0], kept.steps[1].reason, kept.affected) == (done, "away", further.affected)
    assert await erasures.find("era_9") is None


async def test_one_of_a_mark_goes_on_at_a_time(erasures: Erasures) -> None:
    first = await erasures.add(erasure(1))
    assert (await erasures.add(erasure(2))).id == first.id
    assert await erasures.is_open(MARK)
    await erasures.save(Erasure(**{**_values(first), "ended_at": START}))
    assert not await erasures.is_open(MARK)
    assert (await erasures.add(erasure(3))).id == erasure(3).id
    assert [each.id for each in await erasures.under_way(5)] == [erasure(3).id]


async def test_a_key_makes_one(erasures: Erasures) -> None:
    once = Once.of("acme/m", "k", "erasure", MARK)
    first = await erasures.add(erasure(1), once)
    await erasures.save(Erasure(**{**_values(first), "ended_at": START}))
    assert (await erasures.add(erasure(2), once)).id == first.id
    with pytest.raises(Conflict):
        await erasures.add(erasure(3, "b" * 64), Once.of("acme/m", "k", "erasure", "b" * 64))


async def test_pages_are_of_a_tenant_newest_first(erasures: Erasures) -> None:
    for number, tenant in enumerate(("acme", "acme", "globex"), 1):
        await erasures.add(erasure(number, f"{number}" * 64, tenant))
    (newest,) = await erasures.page("acme", before="", limit=1)
    assert newest.id == erasure(2).id
    assert [each.id for each in await erasures.page("acme", before=newest.id, limit=5)] == [erasure(1).id]


async def test_tombstones_outlive_the_file_and_the_database(opened: Opener, tmp_path: Path) -> None:
    file = tmp_path / "erasures" / "tombstones.jsonl"
    database, later = opened("sqlite", "colonnade.memory"), START + timedelta(days=1)
    stones = KeptTwice(database, file)
    await stones.bury({MARK: START})
    await stones.bury({MARK: later, "b" * 64: START})
    await stones.bury({MARK: START})
    wanted = {MARK: later, "b" * 64: START}
    assert await stones.all() == wanted
    with file.open("a") as torn:
        torn.write('{"mark": "cc')
    await stones.bury({"d" * 64: START})
    assert await stones.all() == wanted | {"d" * 64: START}
    file.unlink()
    assert await stones.all() == wanted | {"d" * 64: START}

    async def emptied(connection: Any) -> None:
        await connection.execute(text("DELETE FROM memory_tombstones"))

    await database.write(emptied)
    assert await stones.all() == wanted | {"d" * 64: START}
    assert {json.loads(line)["mark"] for line in _lines(file)} == set(wanted) | {"d" * 64}


async def test_nothing_is_left_of_a_subject_and_all_of_others(store: MemoryStore) -> None:
    once, shared = Once.of("acme/eve", "k", "x"), Scope("acme")
    await store.add(memory(1), once)
    await store.add(turn(2))
    await store.summarise(EVE, "s", "they talked", turn(2).id)
    await store.add_document(*document(3, "tea " * 100), once)
    await store.add_document(*document(4, "rules", shared), Once.of("acme/eve", "shared", "x"))
    await store.add(memory(5, "we met", BOB, people=("eve", "zoe")))
    await store.add(memory(6, "not her", Scope("globex", "eve")))
    assert await store.count(EVE) == 6
    removed = await store.erase(EVE)
    assert (removed["memories"], removed["documents"]) == (6, 1)
    assert await store.count(EVE) == 0
    assert [(each.tenant, each.subject) for each in await store.held(after=None)] == [
        ("acme", "bob"), ("globex", "eve")
    ]  # fmt: skip
    assert (await store.find([BOB], [memory(5).id]))[memory(5).id].people == ("zoe",)
    assert len(await store.documents([shared], before="", limit=5)) == 1
    assert await store.count(ANN) == 0
    assert not {what: count for what, count in (await store.erase(EVE)).items() if count}


async def test_a_name_that_was_in_no_key_stands_in_no_row(sql_store: SqlMemoryStore) -> None:
    await sql_store.add_document(*document(4, "rules", Scope("acme")), Once.of("acme/eve", "shared", "x"))
    await sql_store.add(memory(5, "we met", BOB, people=("eve",)))
    await sql_store.erase(EVE)
    async with sql_store._database.reading() as connection:
        for table in ("memories", "memory_documents", "memory_words"):
            rows = await connection.execute(text(f"SELECT * FROM {table}"))
            assert "eve" not in repr(rows.all())


def _values(found: Erasure) -> dict[str, Any]:
    return {name: getattr(found, name) for name in Erasure.__dataclass_fields__}


def _lines(file: Path) -> Iterator[str]:
    return (line for line in file.read_text().splitlines() if line.startswith("{") and line.endswith("}"))
