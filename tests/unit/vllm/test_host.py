"""One version at a time: what is laid out for vLLM, who gives way, what is refused."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from colonnade.engine.scheduler import Limits
from colonnade.errors import (
    ColonnadeError,
    Conflict,
    InvalidArgument,
    NotFound,
    Overloaded,
    TooLarge,
    Unsupported,
)
from colonnade.models.adapters import bank_of
from colonnade.storage.blobs import LocalBlobStore
from colonnade.vllm.core import VllmCore
from colonnade.vllm.host import VllmHost
from colonnade.vllm.ports import Refused
from colonnade.vllm.process import installed, report
from colonnade.vllm.settings import VllmSettings
from tests.contract.engine.wire import Little, little_llama
from tests.unit.engine.adapters import made
from tests.unit.engine.toys.artefacts import put
from tests.unit.engine.work import sequence
from tests.unit.vllm.fake import FakeStart


@dataclass
class Bench:
    blobs: LocalBlobStore
    core: VllmCore
    host: VllmHost
    start: FakeStart
    home: Path

    async def load(self, little: Little) -> list[str]:
        return [progress.stage async for progress in self.host.load(little.manifest)]


def _settings(home: Path, **more: object) -> VllmSettings:
    return VllmSettings.model_validate({"COLONNADE_HOME": home, "memory_bytes": 1 << 24, **more})


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    settings = _settings(tmp_path, max_adapters=1)
    core, start = VllmCore(Limits()), FakeStart()
    core.drive(lambda _: None, observe=lambda _: None)
    blobs = LocalBlobStore(tmp_path / "blobs")
    host = VllmHost(blobs, core, settings, start)
    yield Bench(blobs, core, host, start, tmp_path)
    await host.close()


@pytest.fixture
async def little(bench: Bench, tmp_path: Path) -> Little:
    return await little_llama(bench.blobs, tmp_path / "little")


async def test_a_version_is_laid_out_as_hugging_face_has_it(bench: Bench, little: Little) -> None:
    assert (await bench.load(little))[-1] == "ready"
    plan = bench.start.plans[0]
    names = {path.name for path in plan.folder.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "generation_config.json"} <= names
    assert json.loads((plan.folder / "tokenizer_config.json").read_text())["tokenizer_class"]
    assert (plan.folder / "model.safetensors").read_bytes() == little.files["model.safetensors"].read_bytes()
    assert (plan.dtype, plan.context_length) == ("float32", 8192)


async def test_a_loaded_version_is_not_loaded_again(bench: Bench, little: Little) -> None:
    await asyncio.gather(bench.load(little), bench.load(little))
    assert await bench.load(little) == ["ready"]
    assert len(bench.start.plans) == 1
    runtime = bench.host.find(little.manifest.ref.digest)
    assert runtime.weights == "float32"
    assert bench.core.limits.cache_bytes == 1024 * 2 * 2 * 2 * 32 * 4
    assert bench.host.used_bytes == bench.host.memory_bytes, "there is no room for another beside it"


async def test_an_idle_version_gives_way_and_its_folder_goes(
    bench: Bench, little: Little, tmp_path: Path
) -> None:
    other = await little_llama(bench.blobs, tmp_path / "other", name="other", seed=3)
    await bench.load(little)
    await bench.load(other)
    assert [runtime.ref.name for runtime in bench.host.loaded] == ["other"]
    assert bench.start.backends[0].closed
    assert not bench.start.plans[0].folder.exists()
    with pytest.raises(NotFound):
        bench.host.find(little.manifest.ref.digest)


async def test_a_version_in_use_does_not(bench: Bench, little: Little, tmp_path: Path) -> None:
    other = await little_llama(bench.blobs, tmp_path / "other", name="other", seed=3)
    await bench.load(little)
    bench.core.submit(sequence(bench.host.loaded[0]))
    with pytest.raises(Overloaded):
        await bench.load(other)
    with pytest.raises(Conflict):
        bench.host.unload(little.manifest.ref.digest)
    assert bench.host.loaded


async def test_an_unloaded_version_is_gone(bench: Bench, little: Little) -> None:
    digest = little.manifest.ref.digest
    assert not bench.host.unload(digest)
    await bench.load(little)
    assert bench.host.unload(digest)
    assert bench.host.used_bytes == 0
    assert (await bench.load(little))[-1] == "ready", "and can come back"
    assert [backend.closed for backend in bench.start.backends] == [True, False]


async def test_other_families_are_for_other_engines(bench: Bench) -> None:
    manifest = await put(bench.blobs, "recurrent")
    with pytest.raises(Unsupported) as refused:
        [stage async for stage in bench.host.load(manifest)]
    assert refused.value.details["supported"] == ["transformer"]


async def test_what_vllm_does_not_take_is_told_and_leaves_nothing(bench: Bench, little: Little) -> None:
    bench.start.refusal = Refused("head size 7 is not supported")
    with pytest.raises(InvalidArgument, match="head size 7"):
        await bench.load(little)
    assert not bench.host.loaded
    assert not bench.start.plans[0].folder.exists()


async def test_a_model_beyond_the_budget_is_refused_with_the_budget(bench: Bench, little: Little) -> None:
    large = replace(little, manifest=replace(little.manifest, parameters=10**9))
    with pytest.raises(TooLarge) as refused:
        await bench.load(large)
    assert refused.value.details == {"limit": 1 << 24, "needed": 4 * 10**9}


async def test_the_least_recently_used_adapter_leaves_for_another(
    bench: Bench, little: Little, tmp_path: Path
) -> None:
    await bench.load(little)
    runtime, backend = bench.host.loaded[0], bench.start.backends[0]
    bank = bank_of(little.runtime().model)
    assert bank is not None
    digest = little.manifest.ref.digest
    first, second = [
        await made.put(bench.blobs, bank.sites, digest, tmp_path / str(seed), seed=seed) for seed in (1, 2)
    ]
    await bench.host.adapters.load(runtime, first)
    await bench.host.adapters.load(runtime, first)
    folder = backend.loras[min(backend.loras)].folder
    assert (folder / "adapter_config.json").exists()
    await bench.host.adapters.load(runtime, second)
    assert [lora.digest for lora in backend.loras.values()] == [second.ref.digest]
    assert not folder.exists()
    bench.core.submit(sequence(runtime, adapter=second.ref.digest))
    with pytest.raises(Overloaded):
        await bench.host.adapters.load(runtime, first)
    with pytest.raises(Conflict):
        bench.host.adapters.unload(second.ref.digest)


async def test_an_adapter_of_another_version_is_refused(bench: Bench, little: Little, tmp_path: Path) -> None:
    await bench.load(little)
    bank = bank_of(little.runtime().model)
    assert bank is not None
    stranger = await made.put(bench.blobs, bank.sites, "sha256:" + "2" * 64, tmp_path / "stranger")
    with pytest.raises(Conflict):
        await bench.host.adapters.load(bench.host.loaded[0], stranger)


async def test_a_death_of_vllms_process_is_noticed_while_idle(bench: Bench, little: Little) -> None:
    await bench.load(little)
    bench.start.backends[0].death.set()
    async with asyncio.timeout(20):
        await bench.core.dead.wait()


def test_an_environment_without_vllm_says_what_to_install() -> None:
    with pytest.raises(Unsupported, match=r"docs/vllm\.md"):
        installed()


async def test_a_check_needs_vllm_too(tmp_path: Path) -> None:
    with pytest.raises(ColonnadeError):
        await report(_settings(tmp_path))


@pytest.mark.parametrize("wrong", [{"gpu_share": 0}, {"dtype": "int4"}, {"adapter_rank": 3}], ids=str)
def test_settings_that_vllm_cannot_have_are_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        _settings(tmp_path, **wrong)
