"""LoRA adapters of the version that vLLM serves: verified on load, the least recently used leave first."""

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from colonnade.engine.adapters.host import files_of
from colonnade.engine.artefacts import Manifest
from colonnade.engine.requests import require
from colonnade.engine.runtime import Runtime
from colonnade.engine.seals import Seals
from colonnade.errors import Conflict, InvalidArgument, NotFound, Overloaded
from colonnade.models.protocol import Capability
from colonnade.storage.blobs import BlobStore
from colonnade.telemetry import get_logger
from colonnade.vllm.core import VllmCore
from colonnade.vllm.folder import Folders
from colonnade.vllm.model import ServedModel
from colonnade.vllm.ports import Lora, Refused

_LOG = get_logger(__name__)
_NUMBERS = itertools.count(1)
_RETRY_SECONDS = 5


class AdapterHost:
    """Implements ``colonnade.engine.ports.Adapters``. Used on the event loop alone."""

    def __init__(self, blobs: BlobStore, core: VllmCore, folders: Folders, most: int, seals: Seals) -> None:
        """``most``: adapters in memory at a time."""
        self._blobs, self._core, self._folders, self._most = blobs, core, folders, most
        self._seals = seals
        self._loaded: OrderedDict[str, tuple[Lora, ServedModel]] = OrderedDict()
        """The least recently used first."""
        self._turn = asyncio.Lock()
        self._leaving: set[asyncio.Task[None]] = set()

    def touch(self, digest: str) -> None:
        if digest in self._loaded:
            self._loaded.move_to_end(digest)

    async def load(self, runtime: Runtime, manifest: Manifest) -> None:
        require(runtime, Capability.ADAPTERS)
        await self._seals.check(manifest)
        digest, model = manifest.ref.digest, cast("ServedModel", runtime.model)
        async with self._turn, self._blobs.held():
            if digest in self._loaded:
                self.touch(digest)
                return
            files = await files_of(self._blobs, manifest, runtime)
            await self._make_room()
            lora = await self._added(model, digest, files)
            if runtime.retired:
                raise NotFound("the model was unloaded", field="model.digest")
            model.adapters[digest] = lora
            self._loaded[digest] = (lora, model)
        _LOG.info("adapter loaded", adapter=manifest.ref.name, model=runtime.ref.name)

    def unload(self, digest: str) -> bool:
        if digest not in self._loaded:
            return False
        if digest in self._core.adapters_in_use():
            raise Conflict("requests use the adapter; abort them or wait for their end")
        lora, model = self._loaded.pop(digest)
        del model.adapters[digest]
        leaving = asyncio.create_task(self._removed(lora, model))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)
        return True

    def forget(self) -> None:
        """The model is gone, and its adapters with it."""
        for lora, _ in self._loaded.values():
            self._folders.remove(lora.folder)
        self._loaded.clear()

    async def _added(self, model: ServedModel, digest: str, files: Mapping[str, Path]) -> Lora:
        number = next(_NUMBERS)  # in the folder's name too: vLLM may read it again as long as it knows it
        folder = await asyncio.to_thread(self._folders.lay_out, f"{digest}-{number}", files)
        lora = Lora(digest, number, folder)
        try:
            await model.backend.add(lora)
        except Refused as error:
            self._folders.remove(folder)
            raise InvalidArgument(f"vLLM does not take the adapter: {error}", field="manifest") from error
        return lora

    async def _removed(self, lora: Lora, model: ServedModel) -> None:
        await model.backend.remove(lora)
        await asyncio.to_thread(self._folders.remove, lora.folder)

    async def _make_room(self) -> None:
        """The least recently used that no request uses leaves, if one must."""
        used = self._core.adapters_in_use()
        while len(self._loaded) >= self._most:
            idle = next((digest for digest in self._loaded if digest not in used), None)
            if idle is None:
                raise Overloaded(
                    f"the engine holds at most {self._most} adapters, and requests use them all; try again "
                    "later",
                    limit=self._most, retry_after_seconds=_RETRY_SECONDS,
                )  # fmt: skip
            lora, model = self._loaded.pop(idle)
            del model.adapters[idle]
            await self._removed(lora, model)
