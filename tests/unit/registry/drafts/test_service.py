"""Drafts from their beginning to their version, on a database file, with an importer that is scripted."""

import asyncio
from contextlib import aclosing
from datetime import timedelta

import pytest

from colonnade.errors import Conflict, InvalidArgument, NotFound, PermissionDenied, Unavailable
from colonnade.registry.drafts.draft import BeginOrder, State, VersionDraft
from colonnade.registry.drafts.runner import DraftRunner
from colonnade.registry.imports import ImportRequest
from colonnade.security.identity import Principal, Role
from tests.unit.registry.drafts.files import announced, pieces
from tests.unit.registry.drafts.house import CONFIG, House
from tests.unit.registry.fakes import ENGINEER, START

OTHER = Principal("other", "bob", frozenset({Role.MODEL_ENGINEER}))
LIMIT = 20.0


async def test_from_upload_to_version(house: House) -> None:
    await house.uploaded()
    seen: list[set[str]] = []

    async def before() -> None:
        laid = house.importer.folder
        seen.append({path.name for path in laid.rglob("source/*")})
        assert await house.state() is State.IMPORTING

    house.importer.before = before
    version = await house.sealed()
    assert seen == [{"config.json", "model.safetensors"}]
    assert (version.manifest.version, version.source) == (1, "upload:smol:1")
    assert await house.state() is State.READY
    assert await house.spool.rooms() == set()
    assert (await house.sealed()) == version  # again: it is there
    acts = [(act, outcome) for act, _, outcome, _ in house.trail.records]
    assert ("registry.draft.begin", "ok") in acts
    assert ("registry.import", "ok") in acts


async def test_a_refused_conversion_leaves_the_draft_to_be_mended(house: House) -> None:
    await house.uploaded()

    async def refuse() -> None:
        raise InvalidArgument("there is no tokenizer", field="source")

    house.importer.before = refuse
    with pytest.raises(InvalidArgument):
        await house.sealed()
    shown = (await house.drafts.get("smol", 1)).draft
    assert (shown.state, shown.message) == (State.FAILED, "there is no tokenizer")
    house.importer.before = None
    assert (await house.sealed()).manifest.version == 1


async def test_who_stops_listening_leaves_it_open(house: House) -> None:
    await house.uploaded()
    begun = asyncio.Event()

    async def wait() -> None:
        begun.set()
        await asyncio.Event().wait()

    house.importer.before = wait
    sealing = asyncio.create_task(house.sealed())
    await asyncio.wait_for(begun.wait(), LIMIT)
    sealing.cancel()
    await asyncio.wait([sealing])
    assert await house.state() is State.OPEN
    house.importer.before = None
    assert (await house.sealed()).manifest.version == 1


async def test_an_import_under_way_is_stopped_by_who_discards_its_draft(house: House) -> None:
    await house.uploaded()
    begun, ended = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    house.importer.before = wait
    sealing = asyncio.create_task(house.sealed())
    await asyncio.wait_for(begun.wait(), LIMIT)
    with pytest.raises(PermissionDenied):
        await house.drafts.discard("smol", 1, OTHER)
    await house.drafts.discard("smol", 1, ENGINEER)
    with pytest.raises(Conflict, match="smol:1 was discarded"):
        await asyncio.wait_for(sealing, LIMIT)
    assert ended.is_set()
    assert await house.state() is State.DISCARDED
    assert await house.spool.rooms() == set()
    assert await house.versions.find_model("smol") is None
    with pytest.raises(Conflict, match="discarded"):
        await house.sealed()


async def test_what_another_registry_discards_does_not_become_a_version(house: House) -> None:
    await house.uploaded()

    async def discarded_there() -> None:
        await house.store.change(("smol", 1), State.DISCARDED, {State.IMPORTING}, by="acme/eve", at=START)

    house.importer.before = discarded_there
    with pytest.raises(Conflict, match="ended meanwhile"):
        await house.sealed()
    assert await house.state() is State.DISCARDED
    assert await house.versions.find_model("smol") is None


async def test_the_runner_goes_on_where_what_it_brings_in_is_discarded(house: House) -> None:
    (house.folder / "model.gguf").touch()
    begun = asyncio.Event()

    async def wait() -> None:
        if not begun.is_set():
            begun.set()
            await asyncio.Event().wait()

    house.importer.before = wait
    for name in ("smol", "big"):
        await house.drafts.begin(BeginOrder(name, source=str(house.folder / "model.gguf")), ENGINEER)
    running = asyncio.create_task(house.runner.catch_up(house.drafts))
    await asyncio.wait_for(begun.wait(), LIMIT)
    await house.drafts.discard("smol", 1, ENGINEER)
    await asyncio.wait_for(running, LIMIT)
    assert await house.state() is State.DISCARDED
    assert (await house.drafts.get("big", 1)).draft.state is State.READY


async def test_what_is_not_all_there_is_not_sealed(house: House) -> None:
    await house.drafts.begin(BeginOrder("smol"), ENGINEER)
    with pytest.raises(Conflict, match="no files"):
        await house.sealed()
    await house.drafts.open_file("smol", 1, announced("config.json", CONFIG), ENGINEER)
    await house.drafts.write_file("smol", 1, "config.json", 0, pieces(CONFIG[:2]), ENGINEER)
    with pytest.raises(Conflict, match=r"config\.json"):
        await house.sealed()
    assert await house.state() is State.OPEN


async def test_what_a_version_has_is_not_sent_again(house: House) -> None:
    house.importer.files["config.json"] = CONFIG
    await house.uploaded()
    await house.sealed()
    await house.drafts.begin(BeginOrder("smol"), ENGINEER)
    file, received = await house.drafts.open_file("smol", 2, announced("config.json", CONFIG), ENGINEER)
    assert (file.held, received) == (True, len(CONFIG))
    assert (await house.sealed(2)).manifest.version == 1  # equal content
    await house.drafts.begin(BeginOrder("smol"), ENGINEER)
    await house.drafts.open_file("smol", 3, announced("config.json", CONFIG), ENGINEER)
    await house.blobs.delete(file.digest)
    with pytest.raises(Conflict, match=r"config\.json"):
        await house.sealed(3)
    assert (await house.drafts.get("smol", 3)).received == {"config.json": 0}


async def test_a_file_announced_otherwise_begins_anew(house: House) -> None:
    await house.drafts.begin(BeginOrder("smol"), ENGINEER)
    await house.drafts.open_file("smol", 1, announced("config.json", CONFIG), ENGINEER)
    await house.drafts.write_file("smol", 1, "config.json", 0, pieces(CONFIG[:2]), ENGINEER)
    again = await house.drafts.open_file("smol", 1, announced("config.json", CONFIG), ENGINEER)
    assert again[1] == 2
    other = await house.drafts.open_file("smol", 1, announced("config.json", b"{}"), ENGINEER)
    assert other[1] == 0
    back = await house.drafts.open_file("smol", 1, announced("config.json", CONFIG), ENGINEER)
    assert back[1] == 0


async def test_a_gguf_file_comes_alone(house: House) -> None:
    await house.drafts.begin(BeginOrder("smol"), ENGINEER)
    for path, content in (("a.gguf", b"GGUF\3"), ("config.json", CONFIG)):
        await house.drafts.open_file("smol", 1, announced(path, content), ENGINEER)
        await house.drafts.write_file("smol", 1, path, 0, pieces(content), ENGINEER)
    with pytest.raises(InvalidArgument, match="by itself"):
        await house.sealed()


@pytest.mark.parametrize("path", ["model.bin", "../x.json", "/x.json", ".x.json", "a/b.py", ""])
async def test_files_that_no_model_has_are_refused(house: House, path: str) -> None:
    await house.drafts.begin(BeginOrder("smol"), ENGINEER)
    with pytest.raises(InvalidArgument):
        await house.drafts.open_file("smol", 1, announced(path, CONFIG), ENGINEER)


@pytest.mark.parametrize(("first", "second"), [("a.json", "a.json/b.json"), ("a.json/b/c.json", "a.json")])
async def test_no_file_is_the_folder_of_another(house: House, first: str, second: str) -> None:
    await house.drafts.begin(BeginOrder("smol"), ENGINEER)
    await house.drafts.open_file("smol", 1, announced(first, CONFIG), ENGINEER)
    with pytest.raises(InvalidArgument, match=r"a\.json"):
        await house.drafts.open_file("smol", 1, announced(second, CONFIG), ENGINEER)
    await house.drafts.open_file("smol", 1, announced("a.json.json", CONFIG), ENGINEER)


async def test_only_the_owner_changes_a_draft(house: House) -> None:
    await house.uploaded()
    for act in (
        house.drafts.open_file("smol", 1, announced("b.json", CONFIG), OTHER),
        house.drafts.write_file("smol", 1, "config.json", 0, pieces(CONFIG), OTHER),
        house.drafts.discard("smol", 1, OTHER),
        house.drafts.begin(BeginOrder("smol"), OTHER),
        anext(house.drafts.seal("smol", 1, OTHER)),
    ):
        with pytest.raises(PermissionDenied):
            await act
    await house.sealed()
    with pytest.raises(PermissionDenied):
        await house.drafts.begin(BeginOrder("smol"), OTHER)


async def test_sources_are_refused_at_once(house: House) -> None:
    for source, error in (
        ("https://models.example.com/x.gguf", PermissionDenied),
        ("upload:smol:1", InvalidArgument),
    ):
        with pytest.raises(error):
            await house.drafts.begin(BeginOrder("smol", source=source), ENGINEER)
    with pytest.raises(InvalidArgument):
        ImportRequest("upload:smol:1", "smol").check()


async def test_imports_go_on_without_the_caller_and_after_a_kill(house: House) -> None:
    (house.folder / "model.gguf").touch()
    source = str(house.folder / "model.gguf")
    for name in ("smol", "big"):
        await house.drafts.begin(BeginOrder(name, source=source), ENGINEER)
    await house.store.change(
        ("smol", 1), State.IMPORTING, {State.WAITING}, by="acme/eve", at=START
    )  # what a kill leaves
    await house.runner.recover()
    await house.runner.catch_up(house.drafts)
    for name in ("smol", "big"):
        found = (await house.drafts.get(name, 1)).draft
        assert (found.state, found.version) == (State.READY, 1)
    version = (await house.versions.list_versions("smol", limit=1))[0]
    assert (version.created_by, version.source) == ("acme/eve", "model.gguf")


async def test_a_refused_import_is_told_and_another_goes_on(house: House) -> None:
    (house.folder / "model.gguf").touch()
    await house.drafts.begin(BeginOrder("smol", source=str(house.folder / "gone.gguf")), ENGINEER)
    await house.drafts.begin(BeginOrder("big", source=str(house.folder / "model.gguf")), ENGINEER)
    await house.runner.catch_up(house.drafts)
    failed = (await house.drafts.get("smol", 1)).draft
    assert (failed.state, "source" in failed.message) == (State.FAILED, True)
    assert (await house.drafts.get("big", 1)).draft.state is State.READY


async def test_what_cannot_be_begun_just_now_is_not_tried_without_a_pause(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while the disk is full: what waits can be read, and nothing can be written."""
    (house.folder / "model.gguf").touch()
    await house.drafts.begin(BeginOrder("smol", source=str(house.folder / "model.gguf")), ENGINEER)
    tried, real = list[str](), house.store.next_waiting

    async def once() -> VersionDraft | None:
        tried.append("looked")
        return await real()

    async def full(*_: object, **__: object) -> VersionDraft:
        raise Unavailable("the disk is full")

    monkeypatch.setattr(house.store, "next_waiting", once)
    monkeypatch.setattr(house.store, "change", full)
    running = asyncio.create_task(DraftRunner(house.store, days=7, pause_seconds=3600).catch_up(house.drafts))
    await asyncio.wait([running], timeout=0.5)
    running.cancel()
    await asyncio.wait([running])
    assert tried == ["looked"]


async def test_what_nobody_listens_to_any_more_is_brought_in_by_itself(house: House) -> None:
    """Who sealed a draft that waits, and went away, leaves it waiting; the runner hears of it at once."""
    (house.folder / "model.gguf").touch()
    await house.drafts.begin(BeginOrder("smol", source=str(house.folder / "model.gguf")), ENGINEER)
    woken: list[State] = []
    house.drafts._sealing._wake = lambda: woken.append(State.WAITING)
    async with aclosing(house.drafts.seal("smol", 1, ENGINEER)) as events:
        await anext(events)
    assert await house.state() is State.WAITING
    assert woken


async def test_the_runner_hears_of_what_waits(house: House) -> None:
    (house.folder / "model.gguf").touch()
    imported = asyncio.Event()
    running = asyncio.create_task(house.runner.run(house.drafts))

    async def before() -> None:
        imported.set()

    house.importer.before = before
    await house.drafts.begin(BeginOrder("smol", source=str(house.folder / "model.gguf")), ENGINEER)
    await asyncio.wait_for(imported.wait(), LIMIT)
    running.cancel()
    await asyncio.wait([running])


async def test_what_nobody_touches_goes_and_what_is_nobodys_too(house: House) -> None:
    await house.uploaded()
    (house.folder / "drafts" / "old").mkdir()
    assert await house.drafts.sweep(START) == 0
    assert await house.state() is State.OPEN
    assert await house.spool.rooms() == {(await house.drafts.get("smol", 1)).draft.room}
    assert await house.drafts.sweep(START + timedelta(days=1)) == 1
    assert await house.state() is State.DISCARDED
    assert await house.spool.rooms() == set()


async def test_a_versions_files_are_read_from_anywhere(house: House) -> None:
    await house.uploaded()
    artefact = (await house.sealed()).manifest.content.artefacts[0]
    content = house.importer.files[artefact.path]
    size, read = await house.drafts.read_file(artefact.digest, 1)
    async with aclosing(read):
        assert (size, b"".join([piece async for piece in read])) == (len(content), content[1:])
    with pytest.raises(InvalidArgument):
        await house.drafts.read_file(artefact.digest, size + 1)
    with pytest.raises(NotFound):
        await house.drafts.read_file(f"sha256:{'f' * 64}", 0)
