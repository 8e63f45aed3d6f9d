import asyncio
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from colonnade.engine.artefacts import Manifest
from colonnade.engine.core import Core
from colonnade.engine.models import ModelHost
from colonnade.engine.runtime import ModelRef
from colonnade.engine.scheduler import Limits
from colonnade.engine.sequence import Sequence, Work
from colonnade.errors import ColonnadeError, Conflict, NotFound, Overloaded, TooLarge, Unsupported
from colonnade.models.families import catalog
from colonnade.models.protocol import LanguageModel
from colonnade.registry.domain import Artefact, Content
from colonnade.storage.blobs import LocalBlobStore
from tests.unit.engine.toys.artefacts import put
from tests.unit.engine.toys.loaded import FAMILIES
from tests.unit.engine.work import finish_all

SIZE = FAMILIES["autoregressive"]().memory_bytes


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobStore:
    return LocalBlobStore(tmp_path / "blobs")


def _host(blobs: LocalBlobStore, memory_bytes: int = 10 * SIZE) -> ModelHost:
    return ModelHost(blobs, Core(Limits()), memory_bytes=memory_bytes)


async def _load(host: ModelHost, manifest: Manifest) -> list[tuple[str, float]]:
    return [(progress.stage, progress.fraction) async for progress in host.load(manifest)]


def _start(host: ModelHost, manifest: Manifest) -> Sequence:
    runtime = host.find(manifest.ref.digest)
    started = Sequence(Work("r", "t", [1, 2], 5), runtime, 0.0)
    host._core.submit(started)
    return started


async def test_a_load_verifies_reads_and_tells(blobs: LocalBlobStore) -> None:
    host, manifest = _host(blobs), await put(blobs)
    with pytest.raises(NotFound):
        host.find(manifest.ref.digest)
    stages = await _load(host, manifest)
    assert stages[0] == ("verify", 0.0)
    assert ("verify", 1.0) in stages
    assert stages[-1] == ("ready", 1.0)
    assert stages == sorted(stages, key=lambda each: ("verify", "weights", "ready").index(each[0]))
    runtime = host.find(manifest.ref.digest)
    assert runtime.stop_ids == {256}
    assert runtime.begin_id == 257
    assert runtime.template is not None
    assert host.used_bytes == SIZE
    assert await _load(host, manifest) == [("ready", 1.0)]


async def test_a_changed_file_is_refused(blobs: LocalBlobStore, tmp_path: Path) -> None:
    host, manifest = _host(blobs), await put(blobs)
    path = await blobs.open_path(manifest.artefacts[1].digest)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b" ")
    with pytest.raises(Conflict) as refusal:
        await _load(host, manifest)
    assert refusal.value.details["field"] == "tokenizer.json"
    assert str(tmp_path) not in refusal.value.message
    assert host.loaded == []


async def test_a_changed_manifest_is_refused(blobs: LocalBlobStore) -> None:
    host, manifest = _host(blobs), await put(blobs)
    for forged in (
        replace(manifest, family="toy_recurrent"),
        replace(manifest, artefacts=manifest.artefacts[:-1]),
        replace(manifest, ref=ModelRef("x", 1, "sha256:" + "0" * 64)),
    ):
        with pytest.raises(Conflict):
            await _load(host, forged)


async def test_a_missing_file_and_an_unknown_family_are_refused(blobs: LocalBlobStore) -> None:
    host, manifest = _host(blobs), await put(blobs)
    await blobs.delete(manifest.artefacts[2].digest)
    with pytest.raises(NotFound):
        await _load(host, manifest)
    catalog._registered.pop("toy_autoregressive")
    other = _host(blobs)
    again = await put(blobs)
    catalog._registered.pop("toy_autoregressive")
    with pytest.raises(Unsupported):
        await _load(other, again)


async def test_the_least_recently_used_leaves_first(blobs: LocalBlobStore) -> None:
    host = _host(blobs, 2 * SIZE)
    first, second, third = [await put(blobs, name=name) for name in ("a", "b", "c")]
    for manifest in (first, second):
        await _load(host, manifest)
    host.find(first.ref.digest)
    await _load(host, third)
    assert {runtime.ref.name for runtime in host.loaded} == {"a", "c"}
    assert host.used_bytes <= host.memory_bytes


async def test_a_model_in_use_is_never_evicted(blobs: LocalBlobStore) -> None:
    host = _host(blobs, 2 * SIZE)
    first, second, third = [await put(blobs, name=name) for name in ("a", "b", "c")]
    for manifest in (first, second):
        await _load(host, manifest)
        _start(host, manifest)
    with pytest.raises(Overloaded) as refusal:
        await _load(host, third)
    assert refusal.value.details == {
        "limit": 2 * SIZE,
        "needed": SIZE,
        "in_use": 2 * SIZE,
        "retry_after_seconds": 5,
    }
    with pytest.raises(Conflict):
        host.unload(first.ref.digest)
    finish_all(host._core)
    await _load(host, third)
    assert {runtime.ref.name for runtime in host.loaded} == {"b", "c"}


async def test_nothing_is_evicted_for_what_will_not_fit_anyway(blobs: LocalBlobStore) -> None:
    host = _host(blobs, 2 * SIZE - 1)
    small, big = await put(blobs, name="a"), await put(blobs, name="b")
    await _load(host, small)
    with pytest.raises(TooLarge) as refusal:
        await _load(host, replace(big, parameters=10**9))
    assert refusal.value.details == {"limit": 2 * SIZE - 1, "needed": 4 * 10**9}
    assert [runtime.ref.name for runtime in host.loaded] == ["a"]
    _start(host, small)
    with pytest.raises(Overloaded):
        await _load(host, big)


async def test_a_manifest_that_understates_its_size_is_caught(blobs: LocalBlobStore) -> None:
    host, manifest = _host(blobs, SIZE - 1), await put(blobs)
    with pytest.raises(TooLarge):
        await _load(host, replace(manifest, parameters=1))
    assert host.loaded == []


class _Slow:
    """Counts loads and holds them until released."""

    def __init__(self) -> None:
        self.count = 0
        self.entered, self.released = threading.Event(), threading.Event()

    def __call__(
        self, files: Mapping[str, Path], *, dtype: torch.dtype | None, device: torch.device | str
    ) -> LanguageModel:
        self.count += 1
        self.entered.set()
        assert self.released.wait(20)
        return FAMILIES["autoregressive"]()


async def test_many_who_ask_at_once_cause_one_load(blobs: LocalBlobStore) -> None:
    slow, manifest = _Slow(), await put(blobs)
    host = ModelHost(blobs, Core(Limits()), memory_bytes=10 * SIZE, load=slow)
    asking = [asyncio.create_task(_load(host, manifest)) for _ in range(5)]
    await asyncio.to_thread(slow.entered.wait, 20)
    asking[0].cancel()
    slow.released.set()
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError), "one who leaves does not stop the load"
    assert all(isinstance(each, list) and each[-1] == ("ready", 1.0) for each in results[1:])
    assert slow.count == 1


async def test_a_failed_load_is_told_to_all_and_may_be_tried_again(blobs: LocalBlobStore) -> None:
    class Failing(_Slow):
        def __call__(
            self, files: Mapping[str, Path], *, dtype: torch.dtype | None, device: torch.device | str
        ) -> LanguageModel:
            model = super().__call__(files, dtype=dtype, device=device)
            if self.count == 1:
                raise Unsupported("not this time")
            return model

    failing, manifest = Failing(), await put(blobs)
    host = ModelHost(blobs, Core(Limits()), memory_bytes=10 * SIZE, load=failing)
    asking = [asyncio.create_task(_load(host, manifest)) for _ in range(3)]
    await asyncio.to_thread(failing.entered.wait, 20)
    failing.released.set()
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(each) for each in results] == [Unsupported] * 3
    assert (await _load(host, manifest))[-1] == ("ready", 1.0)


async def test_unloading(blobs: LocalBlobStore) -> None:
    host, manifest = _host(blobs), await put(blobs)
    assert not host.unload(manifest.ref.digest)
    await _load(host, manifest)
    runtime = host.find(manifest.ref.digest)
    assert host.unload(manifest.ref.digest)
    assert host.used_bytes == 0
    with pytest.raises(ColonnadeError):
        host._core.submit(Sequence(Work("r", "t", [1], 1), runtime, 0.0))


async def test_the_digest_is_that_of_the_registry(blobs: LocalBlobStore) -> None:
    manifest = await put(blobs)
    files = [Artefact(each.path, each.digest, each.size_bytes) for each in manifest.artefacts]
    content = Content.of(family=manifest.family, parameters=9, size="1K", context_length=96, artefacts=files)
    assert content.digest == manifest.ref.digest
