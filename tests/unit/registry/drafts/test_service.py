"""Drafts from their beginning to their version, on a database file, with an importer that is scripted."""

import asyncio
from contextlib import aclosing
from datetime import timedelta

import pytest

from colonnade.errors import Conflict, InvalidArgument, NotFound, PermissionDenied
from colonnade.registry.drafts.draft import BeginOrder, State
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
    with pytest.raises(Conflict, match="importing"):
        await house.drafts.discard("smol", 1, ENGINEER)
    sealing.cancel()
    await asyncio.wait([sealing])
    assert await house.state() is State.OPEN
    house.importer.before = None
    assert (await house.sealed()).manifest.version == 1


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
    assert (version.created_by, version.source) == ("acme/eve", source)


async def test_a_refused_import_is_told_and_another_goes_on(house: House) -> None:
    (house.folder / "model.gguf").touch()
    await house.drafts.begin(BeginOrder("smol", source=str(house.folder / "gone.gguf")), ENGINEER)
    await house.drafts.begin(BeginOrder("big", source=str(house.folder / "model.gguf")), ENGINEER)
    await house.runner.catch_up(house.drafts)
    failed = (await house.drafts.get("smol", 1)).draft
    assert (failed.state, "source" in failed.message) == (State.FAILED, True)
    assert (await house.drafts.get("big", 1)).draft.state is State.READY


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
