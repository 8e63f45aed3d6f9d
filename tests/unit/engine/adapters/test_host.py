"""Adapters come and go under the engine's budget, verified, and never under a request's feet."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from colonnade.engine.adapters.host import bytes_of
from colonnade.engine.artefacts import Manifest
from colonnade.engine.core import Core
from colonnade.engine.models import ModelHost
from colonnade.engine.runtime import Runtime
from colonnade.engine.scheduler import Limits
from colonnade.engine.sequence import Sequence, Work
from colonnade.errors import (
    ColonnadeError,
    Conflict,
    InvalidArgument,
    NotFound,
    Overloaded,
    TooLarge,
    Unsupported,
)
from colonnade.models.adapters import AdapterBank, bank_of
from colonnade.storage.blobs import LocalBlobStore
from tests.unit.engine.adapters import made
from tests.unit.engine.toys.artefacts import put as put_model
from tests.unit.engine.work import finish_all, ids_of


class Fixture:
    """A host with one transformer, and as many of its adapters as a test wants."""

    def __init__(
        self, folder: Path, runtime: Runtime, host: ModelHost, core: Core, blobs: LocalBlobStore
    ) -> None:
        self.folder, self.runtime, self.host, self.core, self.blobs = folder, runtime, host, core, blobs
        self._count = 0

    @property
    def bank(self) -> AdapterBank:
        bank = bank_of(self.runtime.model)
        assert bank is not None
        return bank

    async def put(self, **more: Any) -> Manifest:
        self._count += 1
        folder = self.folder / str(self._count)
        options = {"base": self.runtime.ref.digest, "folder": folder, "seed": self._count, **more}
        return await made.put(self.blobs, self.bank.sites, **options)

    async def load(self, **more: Any) -> str:
        manifest = await self.put(**more)
        await self.host.adapters.load(self.runtime, manifest)
        return manifest.ref.digest

    def start(self, adapter: str | None) -> Sequence:
        work = Work("r", "t", [1, 2, 3], 6, adapter=adapter)
        started = Sequence(work, self.runtime, 0.0)
        self.core.submit(started)
        return started


@pytest.fixture
async def fixture(tmp_path: Path) -> Fixture:
    blobs, core = LocalBlobStore(tmp_path / "blobs"), Core(Limits())
    host = ModelHost(blobs, core, memory_bytes=1 << 24)
    manifest = await put_model(blobs, "transformer")
    async for _ in host.load(manifest):
        pass
    return Fixture(tmp_path, host.find(manifest.ref.digest), host, core, blobs)


async def test_a_loaded_adapter_is_counted_and_its_memory_comes_back(fixture: Fixture) -> None:
    before = fixture.host.used_bytes
    digest = await fixture.load(rank=3)
    taken = 4 * 3 * sum(site.inputs + site.outputs for site in fixture.bank.sites.values())
    assert fixture.host.used_bytes == before + taken
    assert list(fixture.bank) == [digest]
    assert fixture.host.adapters.unload(digest)
    assert fixture.host.used_bytes == before
    assert list(fixture.bank) == []
    assert not fixture.host.adapters.unload(digest)


async def test_loading_again_changes_nothing(fixture: Fixture) -> None:
    manifest = await fixture.put()
    for _ in range(2):
        await fixture.host.adapters.load(fixture.runtime, manifest)
    assert list(fixture.bank) == [manifest.ref.digest]


async def test_while_requests_use_it_it_stays(fixture: Fixture) -> None:
    digest = await fixture.load()
    started = fixture.start(digest)
    for _ in range(2):  # waiting, then running
        with pytest.raises(Conflict):
            fixture.host.adapters.unload(digest)
        fixture.core.step()
    assert len(ids_of(finish_all(fixture.core), started)) > 0
    assert fixture.host.adapters.unload(digest)
    with pytest.raises(NotFound) as refused:
        fixture.start(digest)
    assert refused.value.details["field"] == "model.adapter"


async def test_others_run_on_while_one_is_loaded_and_unloaded(fixture: Fixture) -> None:
    one, plain = await fixture.load(), fixture.start(None)
    alone = ids_of(finish_all(fixture.core), plain)
    plain, adapted = fixture.start(None), fixture.start(one)
    updates = fixture.core.step()
    other = await fixture.load()
    updates += fixture.core.step()
    assert fixture.host.adapters.unload(other)
    updates += finish_all(fixture.core)
    assert ids_of(updates, plain) == alone
    again = fixture.start(one)
    assert ids_of(finish_all(fixture.core), again) == ids_of(updates, adapted) != alone


@pytest.mark.parametrize(
    ("change", "kind", "field"),
    [
        ({"base": "sha256:" + "0" * 64}, Conflict, "model_digest"),
        ({"about": {"family": "transformer"}}, InvalidArgument, "manifest.family"),
        ({"config_more": {"use_dora": True}}, Unsupported, "use_dora"),
        ({"config_more": {"r": 5}}, InvalidArgument, None),
    ],
    ids=["base", "family", "dora", "rank"],
)
async def test_what_does_not_fit_is_refused_and_leaves_nothing(
    change: dict[str, Any], kind: type[ColonnadeError], field: str | None, fixture: Fixture
) -> None:
    before = fixture.host.used_bytes
    with pytest.raises(kind) as refused:
        await fixture.load(**change)
    assert field is None or refused.value.details["field"] == field
    assert list(fixture.bank) == []
    assert fixture.host.used_bytes == before


def _damage(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")


async def test_a_changed_file_or_manifest_is_refused(fixture: Fixture) -> None:
    manifest = await fixture.put()
    forged = replace(manifest, family="transformer")
    with pytest.raises(Conflict, match="manifest"):
        await fixture.host.adapters.load(fixture.runtime, forged)
    weights = next(each for each in manifest.artefacts if each.path.endswith(".safetensors"))
    _damage(await fixture.blobs.open_path(weights.digest))
    with pytest.raises(Conflict, match="changed") as refused:
        await fixture.host.adapters.load(fixture.runtime, manifest)
    assert refused.value.details["field"] == weights.path
    assert list(fixture.bank) == []


async def test_the_least_recently_used_leave_for_the_next(fixture: Fixture) -> None:
    first = await fixture.load()
    size = bytes_of(fixture.runtime)
    second = await fixture.load()
    fixture.host.memory_bytes = fixture.host.used_bytes + size // 2
    fixture.host.adapters.touch(first)
    third = await fixture.load()
    assert set(fixture.bank) == {first, third}
    started = fixture.start(first)
    fourth = await fixture.load()
    assert set(fixture.bank) == {first, fourth}
    assert second not in fixture.bank
    fixture.host.memory_bytes -= size
    with pytest.raises(Overloaded):
        await fixture.load()
    fixture.core.abort(started)
    finish_all(fixture.core)


async def test_one_larger_than_the_budget_is_refused(fixture: Fixture) -> None:
    fixture.host.memory_bytes = 10
    with pytest.raises(TooLarge, match="adapter"):
        await fixture.load()


async def test_adapters_leave_before_models_and_go_with_theirs(fixture: Fixture) -> None:
    await fixture.load()
    other = await put_model(fixture.blobs, "autoregressive")
    fixture.host.memory_bytes = fixture.host.used_bytes - bytes_of(fixture.runtime) + 4 * other.parameters
    async for _ in fixture.host.load(other):
        pass
    assert len(fixture.host.loaded) == 2
    assert list(fixture.bank) == []
    fixture.host.memory_bytes = 1 << 24
    digest = await fixture.load()
    assert fixture.host.unload(fixture.runtime.ref.digest)
    assert not fixture.host.adapters.unload(digest)
    assert len(fixture.host.adapters.idle) == 0


async def test_a_model_without_the_capability_is_named(fixture: Fixture) -> None:
    other = await put_model(fixture.blobs, "autoregressive")
    async for _ in fixture.host.load(other):
        pass
    with pytest.raises(Unsupported) as refused:
        await fixture.host.adapters.load(fixture.host.find(other.ref.digest), await fixture.put())
    assert refused.value.details["capability"] == "adapters"
