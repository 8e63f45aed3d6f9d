"""Drafts among the models that an engine loads and unloads."""

from pathlib import Path

import pytest
import torch

from colonnade.engine.artefacts import Manifest
from colonnade.engine.core import Core
from colonnade.engine.models import ModelHost
from colonnade.engine.sampling import Sampling
from colonnade.engine.scheduler import Limits
from colonnade.engine.sequence import Sequence, Work
from colonnade.engine.settings import EngineSettings
from colonnade.engine.speculation.method import Method
from colonnade.errors import Conflict, Overloaded
from colonnade.storage.blobs import LocalBlobStore
from tests.unit.engine.toys.artefacts import put
from tests.unit.engine.toys.loaded import FAMILIES
from tests.unit.engine.work import finish_all, ids_of, last_of

SIZE = FAMILIES["autoregressive"]().memory_bytes


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobStore:
    return LocalBlobStore(tmp_path / "blobs")


def _host(blobs: LocalBlobStore, method: Method, memory_bytes: int = 10 * SIZE) -> ModelHost:
    return ModelHost(blobs, Core(Limits()), memory_bytes=memory_bytes, speculation=method)


async def _load(host: ModelHost, manifest: Manifest) -> None:
    async for _ in host.load(manifest):
        pass


def _start(host: ModelHost, manifest: Manifest, count: int = 30) -> Sequence:
    runtime = host.find(manifest.ref.digest)
    started = Sequence(Work("r", "t", [1, 2], count, Sampling(0.8, seed=3)), runtime, 0.0)
    host._core.submit(started)
    return started


async def _both(blobs: LocalBlobStore, memory_bytes: int = 10 * SIZE) -> tuple[ModelHost, Manifest, Manifest]:
    """An engine with a model and its draft, of the same weights."""
    target, draft = await put(blobs), await put(blobs, name="draft")
    host = _host(blobs, Method("draft", 3, draft.ref.digest), memory_bytes)
    await _load(host, target)
    await _load(host, draft)
    return host, target, draft


async def test_a_loaded_draft_guesses_and_the_answer_stays(blobs: LocalBlobStore) -> None:
    torch.set_num_threads(1)
    host, target, _ = await _both(blobs)
    guessed = _start(host, target)
    updates = finish_all(host._core)
    finish = last_of(updates, guessed).finish
    assert finish is not None
    assert finish.speculation is not None
    assert finish.speculation.accepted == finish.speculation.proposed > 0
    plain_host = _host(blobs, Method())
    await _load(plain_host, target)
    plain = _start(plain_host, target)
    plain_updates = finish_all(plain_host._core)
    assert ids_of(updates, guessed) == ids_of(plain_updates, plain)
    last = last_of(plain_updates, plain).finish
    assert last is not None
    assert last.speculation is None


async def test_a_draft_that_works_is_not_unloaded(blobs: LocalBlobStore) -> None:
    host, target, draft = await _both(blobs, memory_bytes=2 * SIZE)
    started = _start(host, target)
    host._core.step()
    with pytest.raises(Conflict, match="draft of a model"):
        host.unload(draft.ref.digest)
    with pytest.raises(Overloaded):
        await _load(host, await put(blobs, name="third"))
    host._core.abort(started)
    host._core.step()
    assert host.unload(draft.ref.digest)
    assert host.find(target.ref.digest).speculation is None
    later = _start(host, target)
    finish = last_of(finish_all(host._core), later).finish
    assert finish is not None
    assert finish.speculation is None
    assert host._core.load().cache_bytes == 0


async def test_the_model_goes_before_its_draft(blobs: LocalBlobStore) -> None:
    host, target, draft = await _both(blobs)
    _start(host, target)
    finish_all(host._core)
    assert host.unload(target.ref.digest)
    assert host._core.scheduler.budget.held_bytes == 0
    assert not host._core.scheduler.budget.forgo()
    assert host.unload(draft.ref.digest)
    assert host._core.scheduler.budget.holders == ()


async def test_a_copy_of_few_bits_is_counted_and_guesses(blobs: LocalBlobStore) -> None:
    torch.set_num_threads(1)
    host, target = _host(blobs, Method("self", 3)), await put(blobs, "transformer")
    await _load(host, target)
    runtime = host.find(target.ref.digest)
    assert runtime.copy is not None
    assert host.used_bytes == runtime.model.memory_bytes + runtime.copy.memory_bytes
    assert runtime.copy.memory_bytes < runtime.model.memory_bytes
    started = _start(host, target)
    finish = last_of(finish_all(host._core), started).finish
    assert finish is not None
    assert finish.speculation is not None
    assert finish.speculation.proposed > 0
    assert host.unload(target.ref.digest)
    assert host._core.scheduler.budget.holders == ()


async def test_prompt_lookup_needs_nothing_else(blobs: LocalBlobStore) -> None:
    torch.set_num_threads(1)
    host, target = _host(blobs, Method("prompt_lookup", 3)), await put(blobs, "transformer")
    await _load(host, target)
    runtime = host.find(target.ref.digest)
    started = Sequence(Work("r", "t", [5, 6, 7, 8] * 6, 40), runtime, 0.0)
    host._core.submit(started)
    finish = last_of(finish_all(host._core), started).finish
    assert finish is not None
    assert finish.speculation is not None


def test_settings_name_the_method(monkeypatch: pytest.MonkeyPatch) -> None:
    digest = "sha256:" + "a" * 64
    monkeypatch.setenv("COLONNADE_ENGINE_SPECULATION", f"draft:{digest}")
    monkeypatch.setenv("COLONNADE_ENGINE_SPECULATION_TOKENS", "6")
    assert EngineSettings().method == Method("draft", 6, digest)
    monkeypatch.setenv("COLONNADE_ENGINE_SPECULATION", "draft:little")
    with pytest.raises(ValueError, match="draft:sha256"):
        EngineSettings()
