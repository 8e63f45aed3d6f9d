"""The version that vLLM serves, one at a time: verified on load; an idle one leaves for the next.

Used on the event loop alone; hashing runs in threads beside it, vLLM in processes of its own.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from colonnade.engine.artefacts import Manifest, runtime_of, verified
from colonnade.engine.loading import Loads, Progress, Tell
from colonnade.engine.runtime import Runtime
from colonnade.engine.seals import Seals
from colonnade.errors import (
    Conflict,
    InvalidArgument,
    NotFound,
    Overloaded,
    TooLarge,
    Unavailable,
    Unsupported,
)
from colonnade.models.artefact import DESCRIPTION, Description, required
from colonnade.models.families.transformer.config import TransformerConfig
from colonnade.models.protocol import LanguageModel
from colonnade.storage.blobs import BlobStore
from colonnade.telemetry import get_logger
from colonnade.vllm.adapters import AdapterHost
from colonnade.vllm.core import VllmCore
from colonnade.vllm.folder import Folders
from colonnade.vllm.model import ServedModel, config_of, dtype_of, position_bytes
from colonnade.vllm.ports import Backend, Plan, Refused, Start
from colonnade.vllm.settings import VllmSettings

FAMILIES = ("transformer",)
"""Those whose versions are laid out as Hugging Face's models of known architectures."""
_LOG = get_logger(__name__)
_RETRY_SECONDS = 5


class VllmHost:
    """Implements ``colonnade.engine.ports.Host``."""

    draft = ""

    def __init__(self, blobs: BlobStore, core: VllmCore, settings: VllmSettings, start: Start) -> None:
        self.memory_bytes = settings.model_bytes
        self._blobs, self._core, self._settings, self._start = blobs, core, settings, start
        self._folders = Folders(settings.data / "served")
        self._runtime: Runtime | None = None
        self.seals = Seals(settings.trusted)
        self._loads = Loads(
            self._load, lambda digest: any(digest == each.ref.digest for each in self.loaded), self.seals
        )
        self._turn = asyncio.Lock()
        self._closing: asyncio.Task[None] | None = None
        """Of the version before."""
        self._watching: asyncio.Task[None] | None = None
        self.adapters = AdapterHost(blobs, core, self._folders, settings.max_adapters, self.seals)

    @property
    def loaded(self) -> list[Runtime]:
        return [self._runtime] if self._runtime else []

    @property
    def used_bytes(self) -> int:
        """All of it: beside a version that is served there is no room for another, and who asks wants to know
        where there is."""
        return self.memory_bytes if self._runtime else 0

    def find(self, digest: str) -> Runtime:
        for runtime in self.loaded:
            if runtime.ref.digest == digest:
                return runtime
        raise NotFound("no model of this digest is loaded; load it first", field="model.digest")

    def load(self, manifest: Manifest) -> AsyncGenerator[Progress, None]:
        return self._loads.join(manifest)

    def unload(self, digest: str) -> bool:
        runtime = self._runtime
        if runtime is None or runtime.ref.digest != digest:
            return False
        if not self._core.retire(runtime):
            raise Conflict(f"{runtime.active} requests use the model; abort them or wait for their end")
        self._drop(runtime)
        return True

    async def close(self) -> None:
        await self._loads.close()
        self._core.fail_all(Unavailable("the engine was stopped before the answer was complete"))
        if self._runtime:
            self._drop(self._runtime)
        await self._closed()

    async def _load(self, manifest: Manifest, tell: Tell) -> Runtime:
        if manifest.family not in FAMILIES:
            raise Unsupported(
                f"this engine runs vLLM, which serves the family {FAMILIES[0]}; {manifest.ref.name} is of "
                f"the family {manifest.family[:80]}, for which our own engine is needed beside it "
                "(colonnade up --engine both)",
                field="manifest.family", supported=list(FAMILIES),
            )  # fmt: skip
        async with self._turn, self._blobs.held():
            files = await verified(self._blobs, manifest, lambda done: tell(Progress("verify", done)))
            config = config_of(files)
            dtype = _dtype(self._settings, files)
            self._make_way(manifest, manifest.parameters * dtype_of(dtype).itemsize)
            await self._closed()
            tell(Progress("weights", 0.0))
            folder = await asyncio.to_thread(self._folders.lay_out, manifest.ref.digest, files)
            runtime = await self._served(manifest, files, config, self._plan(folder, config, dtype))
            self._runtime = runtime
            tell(Progress("weights", 1.0))
            _LOG.info("model loaded", model=manifest.ref.name, bytes=runtime.memory_bytes)
            return runtime

    async def _served(
        self, manifest: Manifest, files: Mapping[str, Path], config: TransformerConfig, plan: Plan
    ) -> Runtime:
        try:
            backend = await self._start(plan)
        except Refused as error:
            self._folders.remove(plan.folder)
            raise InvalidArgument(f"vLLM does not serve {manifest.ref.name}: {error}") from error
        dtype = dtype_of(plan.dtype)
        model = ServedModel(
            backend=backend,
            folder=plan.folder,
            vocab_size=config.vocab_size,
            context_length=plan.context_length,
            memory_bytes=manifest.parameters * dtype.itemsize,
            dtype=dtype,
            takes_adapters=plan.max_adapters > 0,
        )
        room = backend.cache_tokens * position_bytes(config, dtype)
        self._core.limits = replace(self._core.limits, cache_bytes=room)
        runtime = await asyncio.to_thread(
            runtime_of, manifest.ref, manifest.family, cast("LanguageModel", model), files
        )
        runtime.weights = plan.dtype
        self._watching = asyncio.create_task(self._watch(backend))
        return runtime

    def _plan(self, folder: Path, config: TransformerConfig, dtype: str) -> Plan:
        settings = self._settings
        return Plan(
            folder=folder,
            dtype=dtype,
            context_length=min(settings.context_length or config.context_length, config.context_length),
            max_sequences=settings.max_sequences,
            cache_bytes=settings.cache_bytes,
            gpu_share=settings.gpu_share,
            gpus=settings.gpus,
            eager=settings.eager,
            max_adapters=settings.max_adapters,
            adapter_rank=settings.adapter_rank,
        )

    def _make_way(self, manifest: Manifest, needed: int) -> None:
        """Unloads the version that is served, if nobody uses it."""
        if needed > self.memory_bytes:
            raise TooLarge(
                f"the model needs {needed} bytes of memory of {self.memory_bytes} in all; raise the engine's "
                "budget",
                limit=self.memory_bytes, needed=needed,
            )  # fmt: skip
        runtime = self._runtime
        if runtime is None:
            return
        if not self._core.retire(runtime):
            raise Overloaded(
                f"this engine serves one model at a time, and {runtime.active} requests use "
                f"{runtime.ref.name}; try again later, or load {manifest.ref.name} on another engine",
                in_use=runtime.active, retry_after_seconds=_RETRY_SECONDS,
            )  # fmt: skip
        self._drop(runtime)

    def _drop(self, runtime: Runtime) -> None:
        _LOG.info("model unloaded", model=runtime.ref.name, bytes=runtime.memory_bytes)
        self._runtime = None
        self.adapters.forget()
        if self._watching:
            self._watching.cancel()
        model = cast("ServedModel", runtime.model)
        self._closing = asyncio.create_task(self._end(model))

    async def _end(self, model: ServedModel) -> None:
        await model.backend.close()
        await asyncio.to_thread(self._folders.remove, model.folder)

    async def _closed(self) -> None:
        """Once the version before has given its memory back."""
        if self._closing:
            await asyncio.shield(self._closing)

    async def _watch(self, backend: Backend) -> None:
        await backend.died()
        self._core.die()


def _dtype(settings: VllmSettings, files: Mapping[str, Path]) -> str:
    if settings.dtype != "auto":
        return settings.dtype
    return Description.read(required(files, DESCRIPTION)).dtype
