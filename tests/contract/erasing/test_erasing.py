"""What every service does about a person: nothing is left in its files, and nobody else is touched."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from colonnade.errors import Unavailable
from colonnade.gateway.adapters.batch_tables import FILES
from colonnade.gateway.adapters.erasing import GatewayEraser
from colonnade.gateway.adapters.file_contents import FolderContents
from colonnade.gateway.adapters.sql import KEYS
from colonnade.gateway.adapters.sql_limits import LIMITS
from colonnade.registry.adapters.catalogue_tables import WITHDRAWN
from colonnade.registry.adapters.erasing import RegistryEraser
from colonnade.registry.adapters.event_tables import EVENTS
from colonnade.registry.adapters.lineage_tables import LINEAGE_EDGES, LINEAGE_KEYS, LINEAGE_NODES
from colonnade.rpc.erasure_servicer import Affected, Erased, Held
from colonnade.security.audit import AuditLog
from colonnade.security.identity import Principal, Role
from colonnade.storage.sql import Database
from colonnade.training.adapters import erasing
from colonnade.training.adapters.erasing import TrainingEraser
from colonnade.training.adapters.sql_jobs import SqlJobStore
from colonnade.training.domain import Event, Job, ModelVersion, State, cancelled
from tests.contract.conftest import KINDS
from tests.unit.training.fakes import RECIPE, START, begun, job

Opener = Callable[[str, str], Database]
EVERYBODY = (("acme", "zoé"), ("acme", "zoé-2"), ("other", "zoé"))
CANARY = "acme/zoé"


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[AuditLog]:
    with AuditLog(tmp_path / "audit.jsonl", "x") as log:
        yield log


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def names(eraser: RegistryEraser | TrainingEraser | GatewayEraser) -> set[tuple[str, str]]:
    return {(held.tenant, held.subject) for held in await eraser.held()}


async def test_the_registry(kind: str, opened: Opener, tmp_path: Path, trail: AuditLog) -> None:
    database = opened(kind, "colonnade.registry")
    facts = '{"who": "by acme/zo\\u00e9.", "also": "acme/zoé-2, acme/zoé"}'
    async with database.engine.begin() as connection:
        for number, (tenant, subject) in enumerate(EVERYBODY):
            by = f"{tenant}/{subject}"
            event = {"number": number, "at": 7, "kind": "k", "tenant": tenant, "model": "m", "version": 1}
            await connection.execute(insert(EVENTS).values(**event, alias="", by=by, facts=facts))
    eraser = RegistryEraser(database, trail)
    assert Held("acme", "zoé", 7) in await eraser.held()
    assert (await eraser.erase("acme", "zoé", "era_1")).removed == {"events": 3, "audit_keys": 0}
    assert await names(eraser) == set(EVERYBODY[1:])
    async with database.reading() as connection:
        rows = (await connection.execute(select(EVENTS).order_by(EVENTS.c.number))).all()
    assert rows[0].by.startswith("acme/erased-")
    assert [row.by for row in rows[1:]] == ["acme/zoé-2", "other/zoé"]
    assert rows[0].facts == f'{{"who": "by {rows[0].by}.", "also": "acme/zoé-2, {rows[0].by}"}}'
    assert (await eraser.erase("acme", "zoé", "era_1")).removed == {"audit_keys": 0}


async def test_reasons_go_with_whoever_gave_them(kind: str, opened: Opener, trail: AuditLog) -> None:
    database = opened(kind, "colonnade.registry")
    event = {"at": 7, "tenant": "acme", "model": "m", "version": 1, "alias": "", "kind": "k"}
    gone = {"model": "m", "digest": "", "became": "", "at": 7}
    reasons = (
        (CANARY, "a canary"), ("acme/bob", "not a canary"), ("platform/x", f"ended by {CANARY}: a canary")
    )  # fmt: skip
    async with database.engine.begin() as connection:
        for number, (by, why) in enumerate(reasons):
            facts = json.dumps({"why": why, "share": 5})
            await connection.execute(insert(EVENTS).values(number=number, by=by, facts=facts, **event))
            await connection.execute(insert(WITHDRAWN).values(number=number, by=by, why=by, **gone))
        once = {"owner": CANARY, "key": "canary", "fingerprint": "f", "added": 1, "created_at": 7}
        await connection.execute(insert(LINEAGE_KEYS).values(**once))
    await RegistryEraser(database, trail).erase("acme", "zoé", "era_1")
    async with database.reading() as connection:
        told = list(await connection.scalars(select(EVENTS.c.facts).order_by(EVENTS.c.number)))
        left = list(await connection.scalars(select(WITHDRAWN.c.why).order_by(WITHDRAWN.c.number)))
        assert (await connection.scalars(select(LINEAGE_KEYS.c.key))).all() == []
    assert [json.loads(each)["why"] for each in told] == ["", "not a canary", ""]
    assert left == ["", "acme/bob", "platform/x"]


async def test_names_that_are_keys_of_rows_are_replaced_too(
    kind: str, opened: Opener, trail: AuditLog
) -> None:
    database = opened(kind, "colonnade.registry")
    async with database.engine.begin() as connection:
        for key in ("run:acme/zoé", "dataset:d"):
            await connection.execute(insert(LINEAGE_NODES).values(key=key, label="", facts="{}"))
        edge = {"source": "dataset:d", "relation": "r", "target": "dataset:d", "at": 1, "by": CANARY}
        await connection.execute(insert(LINEAGE_EDGES).values(**edge))
    await RegistryEraser(database, trail).erase("acme", "zoé", "era_1")
    async with database.reading() as connection:
        keys = set(await connection.scalars(select(LINEAGE_NODES.c.key)))
    assert not any(CANARY in key for key in keys)


async def test_training(kind: str, opened: Opener, tmp_path: Path, trail: AuditLog) -> None:
    database, folders = opened(kind, "colonnade.training"), tmp_path / "jobs"
    store = SqlJobStore(database)
    made = ModelVersion("polite", 3, "sha256:" + "0" * 64)
    for number, (tenant, subject) in enumerate(EVERYBODY):
        found = replace(
            job(), id=f"job_{number}", tenant=tenant, by=f"{tenant}/{subject}",
            state=State.SUCCEEDED, produced=made, why="a canary of a reason",
            behalf=Principal(tenant, subject, frozenset({Role.CALLER}), "canary-key"),
        )  # fmt: skip
        event = replace(begun(found), by=found.by, words="a canary of words")
        await store.submit(found, f"name: canary-{number}", event, None, most_queued=9)
        (folders / found.id).mkdir(parents=True)
        (folders / found.id / "log.jsonl").write_text(found.by)
    eraser = TrainingEraser(database, folders, trail)
    assert await names(eraser) == set(EVERYBODY)
    erased = await eraser.erase("acme", "zoé", "era_1")
    assert erased.removed == {"jobs": 1, "job_events": 1, "job_folders": 1, "audit_keys": 0}
    (affected,) = erased.affected
    assert affected == Affected("polite", "3", "trained by the job job_0, which they had asked for")
    assert sorted(each.name for each in folders.iterdir()) == ["job_1", "job_2"]
    assert await names(eraser) == set(EVERYBODY[1:])
    kept = await store.find("job_0")
    assert kept is not None
    assert kept.by.startswith("acme/erased-")
    assert (kept.why, kept.behalf, kept.produced) == ("", None, made)
    assert await store.recipe("job_0") == ""
    assert [each.words for each in await store.events("job_0")] == [""]
    assert await store.recipe("job_1") == "name: canary-1"
    again = await eraser.erase("acme", "zoé", "era_1")
    assert again == Erased({"job_folders": 0, "audit_keys": 0}, [affected])
    assert (await eraser.erase("acme", "zoé", "era_2")).affected == []


async def test_versions_are_told_though_the_answer_got_lost(
    opened: Opener, tmp_path: Path, trail: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = opened("sqlite", "colonnade.training")
    made = ModelVersion("polite", 3, "sha256:" + "0" * 64)
    found = replace(job(), by=CANARY, tenant="acme", state=State.SUCCEEDED, produced=made)
    await SqlJobStore(database).submit(found, RECIPE, begun(found), None, most_queued=9)
    eraser = TrainingEraser(database, tmp_path / "jobs", trail)

    async def busy(*_: object) -> None:
        raise Unavailable("the database is in use")

    with monkeypatch.context() as patched:
        patched.setattr(erasing, "rewrite", busy)
        with pytest.raises(Unavailable):
            await eraser.erase("acme", "zoé", "era_1")
    assert [each.model for each in (await eraser.erase("acme", "zoé", "era_1")).affected] == ["polite"]


async def test_what_they_said_of_others_jobs_goes(
    kind: str, opened: Opener, tmp_path: Path, trail: AuditLog
) -> None:
    database = opened(kind, "colonnade.training")
    store, found = SqlJobStore(database), replace(job(), by="acme/bob", tenant="acme")
    await store.submit(found, RECIPE, begun(found), None, most_queued=9)

    def stopped(before: Job) -> tuple[Job, Event]:
        after = cancelled(before, START, by=CANARY, why="a canary of mine")
        return after, Event(START, "cancelled", CANARY, "a canary of mine")

    def over(before: Job) -> tuple[Job, Event]:
        return replace(before, step=1), Event(START, "cancelled", "platform/training", before.why)

    for change in (stopped, over):
        await store.change(found.id, change, at=START)
    await TrainingEraser(database, tmp_path / "jobs", trail).erase("acme", "zoé", "era_1")
    kept = await store.find(found.id)
    assert kept is not None
    assert (kept.why, kept.by, await store.recipe(found.id)) == ("", "acme/bob", RECIPE)
    assert "canary" not in repr(await store.events(found.id))


async def test_a_job_under_way_ends_first(kind: str, opened: Opener, tmp_path: Path, trail: AuditLog) -> None:
    database = opened(kind, "colonnade.training")
    store, found = SqlJobStore(database), replace(job(), by=CANARY, tenant="acme")
    await store.submit(found, RECIPE, replace(begun(found), by=found.by), None, most_queued=9)
    eraser = TrainingEraser(database, tmp_path / "jobs", trail)
    with pytest.raises(Unavailable, match="1 jobs of theirs are under way"):
        await eraser.erase("acme", "zoé", "era_1")
    assert await names(eraser) == {("acme", "zoé")}


async def test_the_gateway(kind: str, opened: Opener, tmp_path: Path, trail: AuditLog) -> None:
    database, contents = opened(kind, "colonnade.gateway"), FolderContents(tmp_path / "files")
    revoked: list[str] = []
    for number, (tenant, subject) in enumerate(EVERYBODY):

        async def said(text: str) -> AsyncIterator[bytes]:
            yield text.encode()

        await contents.write(f"file-{number}", said(f"{tenant} {subject}"), 100)
        whose = {"tenant": tenant, "subject": subject, "created_at": 5, "idempotency_key": ""}
        key = {
            "secret_hash": "h",
            "roles": "caller",
            "name": f"of {subject}",
            "created_by": f"{tenant}/{subject}",
        }
        file = {"filename": f"{subject}.txt", "purpose": "batch", "size_bytes": 1, "digest": "d"}
        async with database.engine.begin() as connection:
            await connection.execute(insert(KEYS).values(id=f"k{number}", replaces="", **key, **whose))
            await connection.execute(
                insert(FILES).values(id=f"file-{number}", key_id=f"k{number}", **file, **whose)
            )
    eraser = GatewayEraser(database, contents, trail, revoked.append, lambda: 9)
    erased = await eraser.erase("acme", "zoé", "era_1")
    assert {name: count for name, count in erased.removed.items() if count} == {
        "files": 1, "keys": 1, "keys_created": 1
    }  # fmt: skip
    assert revoked == ["k0"]
    async with database.reading() as connection:
        keys = (await connection.execute(select(KEYS).order_by(KEYS.c.id))).all()
    assert (keys[0].name, keys[0].revoked_at) == ("", 9)
    assert [key.revoked_at for key in keys[1:]] == [None, None]
    assert b"acme zo\xc3\xa9-2" in bytes_of(tmp_path / "files")
    assert b"acme zo\xc3\xa9" not in bytes_of(tmp_path / "files").replace(b"zo\xc3\xa9-2", b"")
    assert await names(eraser) == set(EVERYBODY[1:])


async def test_who_did_something_for_another_tenant_is_known_by_their_own(
    kind: str, opened: Opener, tmp_path: Path, trail: AuditLog
) -> None:
    """And looked for: a restored backup may hold nothing else of them."""
    database = opened(kind, "colonnade.gateway")
    of_acme = {"kind": "tenant", "tenant": "acme", "updated_at": 5}
    async with database.engine.begin() as connection:
        for name, by in (("a", "local/bob"), ("b", "acme/bob")):
            await connection.execute(insert(LIMITS).values(name=name, updated_by=by, **of_acme))
    eraser = GatewayEraser(database, FolderContents(tmp_path / "files"), trail, lambda _: None, lambda: 9)
    assert set(await eraser.held()) == {Held("local", "bob", 5), Held("acme", "bob", 5)}
    await eraser.erase("local", "bob", "era_1")
    assert await names(eraser) == {("acme", "bob")}
    async with database.reading() as connection:
        done = list(await connection.scalars(select(LIMITS.c.updated_by).order_by(LIMITS.c.name)))
    assert done[0].startswith("local/erased-")
    assert done[1] == "acme/bob"


async def test_nothing_is_left_in_the_files_of_a_database(
    opened: Opener, tmp_path: Path, trail: AuditLog
) -> None:
    database = opened("sqlite", "colonnade.registry")
    async with database.engine.begin() as connection:
        for number in range(200):  # over many pages, some of which become free
            event = {"number": number, "at": 7, "kind": "k", "tenant": "acme", "model": "m", "version": 1}
            facts = f'{{"who": "{CANARY}", "words": "{"x" * 300}"}}'
            await connection.execute(insert(EVENTS).values(**event, alias="", by=CANARY, facts=facts))
    assert CANARY.encode() in bytes_of(tmp_path)
    await RegistryEraser(database, trail).erase("acme", "zoé", "era_1")
    assert CANARY.encode() not in bytes_of(tmp_path)
