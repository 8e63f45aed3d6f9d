"""What every draft store does, on a file and on a real server."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from colonnade.errors import ColonnadeError, Conflict, NotFound, Overloaded, PermissionDenied, TooLarge
from colonnade.registry.adapters.sql import SqlVersionStore
from colonnade.registry.adapters.sql_catalogue import SqlCatalogueStore
from colonnade.registry.adapters.sql_drafts import SqlDraftStore
from colonnade.registry.domain import Reference
from colonnade.registry.drafts.draft import (
    ACTIVE,
    WRITABLE,
    BeginOrder,
    Bounds,
    DraftFile,
    State,
    VersionDraft,
)
from colonnade.security.inputs.once import Once
from colonnade.storage.sql import Database
from tests.contract.conftest import KINDS
from tests.unit.registry.fakes import START, draft

LATER = START + timedelta(days=1)
KEY = ("smol", 1)
BOUNDS = Bounds(draft_bytes=1000, spool_bytes=1500, drafts=3)
FILE = DraftFile("config.json", 10, f"sha256:{'a' * 64}")


@dataclass
class Stores:
    database: Database
    drafts: SqlDraftStore
    versions: SqlVersionStore

    async def begin(
        self, model: str = "smol", state: State = State.OPEN, once: Once | None = None, **changes: str
    ) -> VersionDraft:
        order, by = BeginOrder(model, source=changes.get("source", "")), changes.get("by", "acme/eve")
        return await self.drafts.begin(order, state, once, BOUNDS, by=by, at=START)

    async def to(self, state: State, key: tuple[str, int] = KEY, message: str = "") -> VersionDraft:
        return await self.drafts.change(key, state, ACTIVE, by="acme/eve", at=LATER, message=message)


@pytest.fixture(params=KINDS)
async def stores(request: pytest.FixtureRequest, opened: Callable[[str, str], Database]) -> Stores:
    database = opened(request.param, "colonnade.registry")
    return Stores(database, SqlDraftStore(database), SqlVersionStore(database))


async def test_numbers_are_those_of_versions(stores: Stores) -> None:
    await stores.versions.register(draft("smol", 1), alias="")
    first, second = await stores.begin(), await stores.begin()
    assert (first.number, second.number) == (2, 3)
    assert (await stores.versions.register(draft("smol", 2), alias="")).manifest.version == 4
    await stores.to(State.DISCARDED, ("smol", 3))
    assert (await stores.begin()).number == 5
    assert [each.number for each in await stores.drafts.list_active("smol", 10)] == [5, 2]


async def test_a_draft_is_found_as_it_was_begun(stores: Stores) -> None:
    begun = await stores.begin(state=State.WAITING, source="bundled:x")
    assert begun == await stores.drafts.find(KEY)
    assert (begun.state, begun.source, begun.created_by, begun.created_at) == (
        "waiting", "bundled:x", "acme/eve", START,
    )  # fmt: skip
    with pytest.raises(NotFound):
        await stores.drafts.find(("smol", 2))


async def test_under_one_key_one_is_begun(stores: Stores) -> None:
    once = Once("acme/eve", "k", "f")
    begun = await asyncio.gather(*(stores.begin(once=once) for _ in range(5)))
    assert {each.number for each in begun} == {1}
    with pytest.raises(Conflict):
        await stores.begin(once=replace(once, fingerprint="g"))
    assert (await stores.begin(once=replace(once, owner="acme/bob"))).number == 2


async def test_several_at_once_have_each_a_number(stores: Stores) -> None:
    begun = await asyncio.gather(*(stores.begin() for _ in range(3)))
    assert sorted(each.number for each in begun) == [1, 2, 3]
    with pytest.raises(Overloaded):
        await stores.begin()


async def test_a_new_name_is_its_first_drafts(stores: Stores) -> None:
    await stores.begin()
    with pytest.raises(PermissionDenied):
        await stores.begin(by="other/bob")
    assert (await stores.begin(by="local/ann")).number == 2


async def test_files_are_added_replaced_and_bounded(stores: Stores) -> None:
    await stores.begin()
    await stores.drafts.put_file(KEY, FILE, BOUNDS, LATER)
    other = replace(FILE, path="a.txt", size_bytes=500, held=True)
    found = await stores.drafts.put_file(KEY, other, BOUNDS, LATER)
    assert found.files == (other, FILE)
    assert found.updated_at == LATER
    changed = replace(FILE, size_bytes=400)
    assert (await stores.drafts.put_file(KEY, changed, BOUNDS, LATER)).files == (other, changed)
    with pytest.raises(TooLarge, match="MAX_DRAFT_BYTES"):
        await stores.drafts.put_file(KEY, replace(FILE, path="b.txt", size_bytes=101), BOUNDS, LATER)
    await stores.begin("other")
    await stores.drafts.put_file(("other", 1), replace(FILE, size_bytes=900), BOUNDS, LATER)
    await stores.begin("third")
    with pytest.raises(TooLarge, match="MAX_SPOOL_BYTES"):
        await stores.drafts.put_file(("third", 1), replace(FILE, size_bytes=201), BOUNDS, LATER)
    await stores.drafts.put_file(("third", 1), replace(FILE, size_bytes=200), BOUNDS, LATER)


async def test_a_start_frees_what_its_own_registry_imported_and_nothing_else(stores: Stores) -> None:
    here, there = (SqlDraftStore(stores.database, name) for name in ("here", "there"))
    for number, store in enumerate((here, there), 1):
        await stores.begin()
        await store.change(("smol", number), State.IMPORTING, ACTIVE, by="acme/eve", at=LATER)
    await here.recover(LATER)
    assert (await here.find(("smol", 1))).state is State.OPEN
    assert (await here.find(("smol", 2))).state is State.IMPORTING
    await there.recover(LATER)
    assert (await here.find(("smol", 2))).state is State.OPEN


async def test_states_go_where_they_may(stores: Stores) -> None:
    await stores.begin()
    await stores.to(State.IMPORTING)
    with pytest.raises(Conflict):
        await stores.drafts.put_file(KEY, FILE, BOUNDS, LATER)
    with pytest.raises(Conflict) as refused:
        await stores.drafts.change(KEY, State.DISCARDED, WRITABLE, by="x", at=LATER)
    assert refused.value.details["state"] == "importing"
    failed = await stores.to(State.FAILED, message="x" * 5000)
    assert (failed.state, failed.message) == (State.FAILED, "x" * 2000)
    assert (await stores.drafts.put_file(KEY, FILE, BOUNDS, LATER)).state is State.OPEN


async def test_it_is_ready_with_its_version(stores: Stores) -> None:
    await stores.begin()
    await stores.drafts.put_file(KEY, FILE, BOUNDS, LATER)
    made = draft("smol", 1)
    with pytest.raises(Conflict):
        await stores.versions.register(made, alias="", reserved=1)
    assert await stores.versions.find_model("smol") is None
    await stores.to(State.IMPORTING)
    version = await stores.versions.register(made, alias="", reserved=1)
    assert version.manifest.version == 1
    ended = await stores.drafts.find(KEY)
    assert (ended.state, ended.version, ended.files) == (State.READY, 1, ())
    assert await stores.versions.find_targets(Reference("smol", version=1))
    with pytest.raises(Conflict):
        await stores.to(State.DISCARDED)


async def test_equal_content_ends_as_the_version_that_is_there(stores: Stores) -> None:
    await stores.versions.register(draft("smol", 1), alias="")
    await stores.begin()
    await stores.to(State.IMPORTING, ("smol", 2))
    version = await stores.versions.register(draft("smol", 1), alias="", reserved=2)
    assert version.manifest.version == 1
    assert (await stores.drafts.find(("smol", 2))).version == 1


async def test_a_discarded_draft_registers_nothing(stores: Stores) -> None:
    await stores.begin()
    await stores.to(State.IMPORTING)
    await stores.drafts.change(KEY, State.DISCARDED, ACTIVE, by="x", at=LATER)
    with pytest.raises(ColonnadeError):
        await stores.versions.register(draft("smol", 1), alias="", reserved=1)
    assert await stores.versions.find_model("smol") is None


async def test_after_a_kill_imports_wait_again_and_uploads_are_open(stores: Stores) -> None:
    await stores.begin(state=State.WAITING, source="bundled:x")
    await stores.begin()
    for number in (1, 2):
        await stores.to(State.IMPORTING, ("smol", number))
    assert await stores.drafts.next_waiting() is None
    await stores.drafts.recover(LATER)
    waiting = await stores.drafts.next_waiting()
    assert waiting is not None
    assert waiting.number == 1
    assert (await stores.drafts.find(("smol", 2))).state is State.OPEN


async def test_what_nobody_touches_is_found(stores: Stores) -> None:
    for name in ("a", "b", "c"):
        await stores.begin(name)
    await stores.drafts.touch(("a", 1), LATER)
    await stores.drafts.change(("b", 1), State.IMPORTING, ACTIVE, by="x", at=START)
    assert [each.model for each in await stores.drafts.untouched(START + timedelta(hours=1))] == ["c"]
    rooms = {(await stores.drafts.find((name, 1))).room for name in ("a", "b", "c")}
    assert len(rooms) == 3
    assert await stores.drafts.rooms() == rooms
    await stores.drafts.change(("c", 1), State.DISCARDED, ACTIVE, by="x", at=START)
    assert len(await stores.drafts.rooms()) == 2


async def test_drafts_follow_their_model_to_another_name(stores: Stores) -> None:
    await stores.versions.register(draft("smol", 1), alias="")
    begun = await stores.begin()
    await stores.drafts.put_file(("smol", 2), FILE, BOUNDS, LATER)
    catalogue = SqlCatalogueStore(stores.database)
    await stores.to(State.IMPORTING, ("smol", 2))
    with pytest.raises(Conflict, match="imported"):
        await catalogue.rename_model("smol", "small", by="x", at=LATER)
    await stores.to(State.OPEN, ("smol", 2))
    await catalogue.rename_model("smol", "small", by="x", at=LATER)
    moved = await stores.drafts.find(("small", 2))
    assert (moved.room, moved.files) == (begun.room, (FILE,))


async def test_the_size_of_a_file_that_some_version_has(stores: Stores) -> None:
    version = await stores.versions.register(draft("smol", 7), alias="")
    artefact = version.manifest.content.artefacts[0]
    assert await stores.drafts.artefact_size(artefact.digest) == artefact.size_bytes
    assert await stores.drafts.artefact_size(f"sha256:{'f' * 64}") is None
