"""Imports: one at a time, all or nothing, once a key, and in the audit trail."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from colonnade.errors import (
    ColonnadeError,
    Conflict,
    InvalidArgument,
    NotFound,
    Overloaded,
    TooLarge,
    Unavailable,
    Unsupported,
)
from colonnade.registry.domain import Reference, Target, Version
from colonnade.registry.imports import ImportRequest, Imports
from colonnade.registry.ports import Progress
from colonnade.storage.blobs import LocalBlobStore
from tests.unit.registry.fakes import (
    ENGINEER,
    FolderSources,
    MemoryTrail,
    MemoryVersionStore,
    ScriptedImporter,
    ticking,
)

LIMIT = 10.0


class Fixture:
    """An ``Imports`` with everything around it."""

    def __init__(self, folder: Path, max_waiting: int = 2) -> None:
        (folder / "work").mkdir()
        self.source = folder / "model.gguf"
        self.source.touch()
        self.store, self.trail = MemoryVersionStore(), MemoryTrail()
        self.blobs = LocalBlobStore(folder / "blobs", max_blob_bytes=1000)
        self.importer = ScriptedImporter(folder / "work")
        self.imports = Imports(
            self.store, self.blobs, FolderSources(), self.importer, self.trail,
            clock=ticking(), max_waiting=max_waiting,
        )  # fmt: skip

    def request(self, **changes: Any) -> ImportRequest:
        return replace(ImportRequest(str(self.source), "smol"), **changes)

    async def events(self, request: ImportRequest) -> list[Progress | Version]:
        return [event async for event in self.imports.run(request, ENGINEER)]

    async def run(self, **changes: str) -> Version:
        last = (await self.events(self.request(**changes)))[-1]
        assert isinstance(last, Version)
        return last

    def hold(self) -> tuple[asyncio.Event, asyncio.Event]:
        """Conversions announce themselves with the first event and wait for the second."""
        begun, release = asyncio.Event(), asyncio.Event()

        async def before() -> None:
            begun.set()
            await asyncio.wait_for(release.wait(), LIMIT)

        self.importer.before = before
        return begun, release


@pytest.fixture
def fixture(tmp_path: Path) -> Fixture:
    return Fixture(tmp_path)


async def test_from_source_to_version(fixture: Fixture) -> None:
    events = await fixture.events(fixture.request(description="small"))
    version = events[-1]
    assert isinstance(version, Version)
    stages = [event.stage for event in events[:-1] if isinstance(event, Progress)]
    assert list(dict.fromkeys(stages)) == ["queued", "read", "convert", "store", "register"]
    assert (version.created_by, version.source) == ("acme/eve", "model.gguf"), "not where it lies"
    for artefact in version.manifest.content.artefacts:
        content = (await fixture.blobs.open_path(artefact.digest)).read_bytes()
        assert content == fixture.importer.files[artefact.path]
    assert await fixture.store.find_targets(Reference.parse("smol")) == [(version.manifest, 100)]
    begun, ended = fixture.trail.records
    assert begun[:3] == ("registry.import", "eve", "begun")
    assert ended[2] == "ok"
    assert (ended[3]["version"], ended[3]["digest"]) == (1, version.manifest.digest)


async def test_equal_content_is_the_version_that_is_there(fixture: Fixture) -> None:
    first, again = await fixture.run(), await fixture.run(alias="canary")
    assert again == first
    fixture.importer.files["model.safetensors"] = b"other"
    assert (await fixture.run()).manifest.version == 2
    targets = await fixture.store.find_targets(Reference.parse("smol"))
    assert [manifest.version for manifest, _ in targets] == [1]


async def test_the_same_key_imports_once(fixture: Fixture) -> None:
    first = await fixture.run(idempotency_key="k1")
    fixture.importer.files["model.safetensors"] = b"other"
    assert await fixture.events(fixture.request(idempotency_key="k1")) == [first]
    assert fixture.trail.outcomes == ["begun", "ok"] * 2  # the first one's may have died with its process
    with pytest.raises(Conflict, match="idempotency"):
        await fixture.run(idempotency_key="k1", alias="canary")
    assert (await fixture.run(idempotency_key="k2")).manifest.version == 2


async def test_duplicates_at_once_convert_once(fixture: Fixture) -> None:
    begun, release = fixture.hold()
    tasks = [asyncio.create_task(fixture.run(idempotency_key="k")) for _ in range(3)]
    await asyncio.wait_for(begun.wait(), LIMIT)
    fixture.importer.before = None
    release.set()
    versions = await asyncio.gather(*tasks)
    assert versions[0] == versions[1] == versions[2]
    assert len(list((fixture.importer.folder).iterdir())) == 1  # workspaces ever made


async def test_one_at_a_time_a_few_wait_the_rest_are_refused(fixture: Fixture) -> None:
    begun, release = fixture.hold()
    running = asyncio.create_task(fixture.run(name="m0"))
    await asyncio.wait_for(begun.wait(), LIMIT)
    waiting = []
    for number in (1, 2):
        iterator = fixture.imports.run(fixture.request(name=f"m{number}"), ENGINEER)
        first = await anext(iterator)
        assert isinstance(first, Progress)
        assert (first.stage, first.fraction, first.message) == ("queued", 0.0, "another import is running")
        waiting.append(asyncio.create_task(_rest(iterator)))
    await asyncio.sleep(0)  # both stand in the queue now
    with pytest.raises(Overloaded, match="2 imports wait") as refusal:
        await fixture.run(name="m3")
    assert refusal.value.details["retry_after_seconds"] > 0
    release.set()
    await asyncio.gather(running, *waiting)
    assert fixture.importer.most_open == 1
    assert [model.name for model in await fixture.store.list_models(after="", limit=9)] == ["m0", "m1", "m2"]


async def _rest(iterator: Any) -> list[Any]:
    return [event async for event in iterator]


async def test_a_cancelled_import_leaves_no_trace_and_frees_the_queue(fixture: Fixture) -> None:
    begun, _ = fixture.hold()
    task = asyncio.create_task(fixture.run())
    await asyncio.wait_for(begun.wait(), LIMIT)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert fixture.trail.outcomes == ["begun", "cancelled"]
    assert fixture.importer.open == 0
    assert await fixture.store.find_model("smol") is None
    fixture.importer.before = None
    await fixture.run()


async def test_leaving_the_iteration_stops_the_import(fixture: Fixture) -> None:
    async with aclosing(fixture.imports.run(fixture.request(), ENGINEER)) as events:
        async for event in events:
            if isinstance(event, Progress) and event.stage == "convert":
                break
    assert fixture.trail.outcomes == ["begun", "cancelled"]
    assert fixture.importer.open == 0
    assert await fixture.store.find_model("smol") is None
    await fixture.run()


async def test_a_waiting_import_can_be_cancelled(fixture: Fixture) -> None:
    begun, release = fixture.hold()
    running = asyncio.create_task(fixture.run(name="m0"))
    await asyncio.wait_for(begun.wait(), LIMIT)
    for _ in range(5):  # more than may wait at once
        iterator = fixture.imports.run(fixture.request(name="m1"), ENGINEER)
        await anext(iterator)
        task = asyncio.create_task(_rest(iterator))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    release.set()
    await running


@pytest.mark.parametrize(
    "failure", [Unsupported("architecture", field="source"), RuntimeError("bug"), MemoryError()]
)
async def test_a_failed_conversion_registers_nothing(fixture: Fixture, failure: Exception) -> None:
    async def fail() -> None:
        raise failure

    fixture.importer.before = fail
    with pytest.raises(type(failure)):
        await fixture.run()
    assert fixture.trail.outcomes == ["begun", "refused" if isinstance(failure, ColonnadeError) else "failed"]
    assert await fixture.store.find_model("smol") is None
    fixture.importer.before = None
    assert (await fixture.run()).manifest.version == 1


async def test_a_file_that_is_too_large_registers_nothing(fixture: Fixture) -> None:
    fixture.importer.files["model.safetensors"] = b"x" * 1001
    with pytest.raises(TooLarge):
        await fixture.run()
    assert await fixture.store.find_model("smol") is None


@pytest.mark.parametrize("name", ["weights.pkl", "run.py", "a/../b.json"])
async def test_files_that_are_no_artefacts_are_not_registered(fixture: Fixture, name: str) -> None:
    fixture.importer.files[name] = b"x"
    with pytest.raises(InvalidArgument):
        await fixture.run()
    assert await fixture.store.find_model("smol") is None


async def test_without_an_audit_trail_nothing_is_imported(fixture: Fixture) -> None:
    fixture.trail.failure = Unavailable("the audit log cannot be written")
    with pytest.raises(Unavailable):
        await fixture.run()
    assert list(fixture.importer.folder.iterdir()) == []


async def test_a_missing_source(fixture: Fixture) -> None:
    with pytest.raises(NotFound):
        await fixture.run(source="/nowhere")
    assert fixture.trail.outcomes == ["begun", "refused"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("source", ""), ("source", "a\0b"), ("source", "x" * 5000), ("name", ""), ("name", "Bad Name"),
     ("alias", "Bad"), ("description", "x" * 2001), ("description", "\0"), ("idempotency_key", "a b"),
     ("idempotency_key", "x" * 129)],
)  # fmt: skip
async def test_wrong_requests(fixture: Fixture, field: str, value: str) -> None:
    with pytest.raises((InvalidArgument, TooLarge)) as refusal:
        await fixture.run(**{field: value})
    assert refusal.value.details["field"] == field
    assert fixture.trail.records == []


@pytest.fixture
async def model(fixture: Fixture) -> Version:
    """A version that adapters can belong to."""
    fixture.importer.files = {"colonnade.json": b"{}", "config.json": b"{}", "model.safetensors": b"w"}
    made = await fixture.run()
    fixture.importer.files = {"colonnade.json": b"{}", "adapter_model.safetensors": b"a"}
    return made


@pytest.mark.parametrize("reference", ["smol", "smol@production", "smol:1"])
async def test_an_adapter_is_converted_with_its_bases_files(
    fixture: Fixture, model: Version, reference: str
) -> None:
    made = await fixture.run(name="poet", base=reference)
    given = fixture.importer.bases[-1]
    assert given is not None
    assert given.digest == made.manifest.content.base == model.manifest.digest
    assert given.config.read_bytes() == b"{}"
    assert made.manifest.content.family == "lora"
    assert fixture.trail.records[-1][3]["base"] == reference


@pytest.mark.parametrize(
    ("base", "kind"),
    [("smol:7", NotFound), ("nobody", NotFound), ("poet", InvalidArgument), ("a b", InvalidArgument)],
)
async def test_a_base_that_is_none_is_refused(
    fixture: Fixture, model: Version, base: str, kind: type[ColonnadeError]
) -> None:
    await fixture.run(name="poet", base="smol")
    with pytest.raises(kind) as refused:
        await fixture.run(name="other", base=base)
    assert refused.value.details["field"] == "base"


async def test_an_adapter_belongs_to_one_version(fixture: Fixture, model: Version) -> None:
    fixture.importer.files = {"colonnade.json": b"2", "config.json": b"2"}
    await fixture.run()
    split = [Target(1, 50), Target(2, 50)]
    await fixture.store.move_alias(
        "smol", "production", split, expected_revision=None, by="x", at=model.created_at
    )
    with pytest.raises(InvalidArgument, match="smol:1") as refused:
        await fixture.run(name="poet", base="smol")
    assert refused.value.details["field"] == "base"


async def test_models_and_adapters_do_not_share_a_name(fixture: Fixture, model: Version) -> None:
    with pytest.raises(Conflict) as refused:
        await fixture.run(base="smol")
    assert refused.value.details["field"] == "name"
    await fixture.run(name="poet", base="smol")
    with pytest.raises(Conflict, match="adapters"):
        await fixture.run(name="poet")
