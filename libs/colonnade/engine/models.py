"""The loaded models: verified on load, kept under a memory budget, the least recently used leave first.

Used on the event loop alone; hashing and loading run in threads beside it.
"""

import asyncio
import gc
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from pathlib import Path

from colonnade.engine.adapters.host import AdapterHost, bytes_of
from colonnade.engine.artefacts import Manifest, runtime_of, verified
from colonnade.engine.core import Core
from colonnade.engine.loading import Loads, Progress, Tell
from colonnade.engine.precision import Precision
from colonnade.engine.runtime import Runtime
from colonnade.engine.seals import Seals
from colonnade.engine.speculation.method import Method
from colonnade.engine.speculation.pairing import FEWEST_BITS, Pairing
from colonnade.errors import Conflict, NotFound, Overloaded, TooLarge
from colonnade.models.families import catalog
from colonnade.storage.blobs import BlobStore
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_RETRY_SECONDS = 5


class ModelHost:
    def __init__(
        self,
        blobs: BlobStore,
        core: Core,
        *,
        memory_bytes: int,
        precision: Precision = Precision(),  # noqa: B008  (frozen)
        speculation: Method = Method(),  # noqa: B008  (frozen)
        load: catalog.Loader = catalog.load,
        seals: Seals | None = None,
    ) -> None:
        """``memory_bytes`` bounds the weights of all loaded models and of their adapters. Without ``seals``
        none is checked."""
        self.seals = seals or Seals()
        self.memory_bytes = memory_bytes
        self._blobs, self._core, self._load_model = blobs, core, load
        self._precision = precision
        self.pairing = Pairing(speculation, core.scheduler.budget)
        self._runtimes: OrderedDict[str, Runtime] = OrderedDict()
        """The least recently used first."""
        self._loads = Loads(self._load, self._runtimes.__contains__, self.seals)
        self._one_at_a_time = asyncio.Lock()
        self.adapters = AdapterHost(blobs, core, self._one_at_a_time, self._make_room, self.seals)

    @property
    def loaded(self) -> list[Runtime]:
        return list(self._runtimes.values())

    @property
    def draft(self) -> str:
        """The digest of the version that guesses for others; empty if none does."""
        return self.pairing.method.draft

    @property
    def used_bytes(self) -> int:
        return sum(runtime.memory_bytes + bytes_of(runtime) for runtime in self._runtimes.values())

    def find(self, digest: str) -> Runtime:
        """A loaded model, which counts as used now."""
        if digest not in self._runtimes:
            raise NotFound("no model of this digest is loaded; load it first", field="model.digest")
        self._runtimes.move_to_end(digest)
        return self._runtimes[digest]

    def load(self, manifest: Manifest) -> AsyncGenerator[Progress, None]:
        """Loads a version if it is not loaded; however many ask at once, it is loaded once.

        A load goes on when those who asked for it have left. Raises what the load raises."""
        return self._loads.join(manifest)

    def unload(self, digest: str) -> bool:
        """Frees a model; False if it is not loaded. Raises ``Conflict`` while requests use it."""
        runtime = self._runtimes.get(digest)
        if runtime is None:
            return False
        if self.pairing.in_use(runtime):
            raise Conflict("it is the draft of a model that requests use; abort them or wait for their end")
        if not self._core.retire(runtime):
            raise Conflict(f"{runtime.active} requests use the model; abort them or wait for their end")
        self._drop(runtime)
        return True

    async def close(self) -> None:
        """Ends loads that are in progress."""
        await self._loads.close()

    async def _load(self, manifest: Manifest, tell: Tell) -> Runtime:
        async with self._one_at_a_time, self._blobs.held():
            files = await verified(self._blobs, manifest, lambda done: tell(Progress("verify", done)))
            size = self._precision.bytes_for(manifest.parameters, manifest.weight_bytes, files)
            self._make_room(size + self.pairing.copy_bytes(manifest.parameters))
            tell(Progress("weights", 0.0))
            runtime = await asyncio.to_thread(self._read, manifest, files)
            self._check_fit(runtime)
            self._runtimes[manifest.ref.digest] = runtime
            self.pairing.joined(runtime, self.loaded)
            tell(Progress("weights", 1.0))
            _LOG.info("model loaded", model=manifest.ref.name, bytes=runtime.model.memory_bytes)
            return runtime

    def _read(self, manifest: Manifest, files: Mapping[str, Path]) -> Runtime:
        model, weights = self._precision.load(self._load_model, files)
        pages = self._precision.of_pages(weights)
        runtime = runtime_of(manifest.ref, manifest.family, model, files, pages)
        runtime.weights = weights
        if self.pairing.copies(runtime):
            fewer = replace(self._precision, weights=FEWEST_BITS, packed=True)
            runtime.copy, _ = fewer.load(self._load_model, files)
        return runtime

    def _check_fit(self, runtime: Runtime) -> None:
        """The estimate may have been short, where the manifest states too few parameters."""
        self._make_room(runtime.memory_bytes)

    def _make_room(self, needed: int, what: str = "model", keep: Runtime | None = None) -> None:
        """Unloads idle adapters, then idle models but ``keep``, the least recently used first.

        Only if that is enough."""
        limit, least = self.memory_bytes, needed + (keep.memory_bytes if keep else 0)
        if least > limit:
            raise TooLarge(
                f"the {what} needs {least} bytes of memory of {limit} in all; raise the engine's budget",
                limit=limit, needed=least,
            )  # fmt: skip
        used = self._core.adapters_in_use()
        kept = [each for each in self.loaded if each.active or each is keep or self.pairing.in_use(each)]
        busy = sum(each.memory_bytes + bytes_of(each, used) for each in kept)
        if busy + needed > limit:
            raise Overloaded(
                f"the {what} needs {needed} bytes; models in use take {busy} of {limit}; try again later",
                limit=limit, needed=needed, in_use=busy, retry_after_seconds=_RETRY_SECONDS,
            )  # fmt: skip
        for digest in self.adapters.idle:
            if self.used_bytes + needed > limit:
                self.adapters.unload(digest)
        for runtime in self.loaded:
            if self.used_bytes + needed > limit and runtime not in kept and self._core.retire(runtime):
                self._drop(runtime)

    def _drop(self, runtime: Runtime) -> None:
        _LOG.info("model unloaded", model=runtime.ref.name, bytes=runtime.model.memory_bytes)
        del self._runtimes[runtime.ref.digest]
        self.pairing.left(runtime)
        self.adapters.forget(runtime)
        gc.collect()  # weights in reference cycles must be gone before the next ones come
