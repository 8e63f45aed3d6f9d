"""The loaded adapters: verified on load, the least recently used leave first.

Used on the event loop alone; hashing and reading run in threads beside it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol, cast

from colonnade.engine.artefacts import Manifest, verified
from colonnade.engine.core import Core
from colonnade.engine.requests import require
from colonnade.engine.runtime import Runtime
from colonnade.engine.seals import Seals
from colonnade.errors import Conflict, InvalidArgument, NotFound
from colonnade.models.adapters import AdapterBank, bank_of
from colonnade.models.adapters.peft import read_parts
from colonnade.models.artefact import DESCRIPTION, Description, required
from colonnade.models.protocol import Capability
from colonnade.storage.blobs import BlobStore
from colonnade.telemetry import get_logger

FAMILY = "lora"
_LOG = get_logger(__name__)


class Room(Protocol):
    def __call__(self, needed: int, what: str, keep: Runtime) -> None:
        """Frees what idles until ``needed`` bytes fit; never ``keep``. ``TooLarge`` or ``Overloaded``."""
        ...


class AdapterHost:
    def __init__(self, blobs: BlobStore, core: Core, turn: asyncio.Lock, room: Room, seals: Seals) -> None:
        """``turn`` is shared with whoever else loads under the same budget."""
        self._blobs, self._core, self._turn, self._room = blobs, core, turn, room
        self._seals = seals
        self._loaded: OrderedDict[str, Runtime] = OrderedDict()
        """The models that adapters act on, by the adapters' digests; the least recently used first."""

    @property
    def idle(self) -> list[str]:
        """Digests of adapters that no request uses, the least recently used first."""
        used = self._core.adapters_in_use()
        return [digest for digest in self._loaded if digest not in used]

    def touch(self, digest: str) -> None:
        """Counts as used now, if it is loaded."""
        if digest in self._loaded:
            self._loaded.move_to_end(digest)

    async def load(self, runtime: Runtime, manifest: Manifest) -> None:
        """Has an adapter in memory when it returns.

        Raises ``Conflict`` for a seal that is not good, for files that are not what their digests say and for
        an adapter of another model, ``InvalidArgument`` or ``Unsupported`` for one that does not fit,
        ``TooLarge`` or ``Overloaded`` for want of memory."""
        require(runtime, Capability.ADAPTERS)
        await self._seals.check(manifest)
        digest, bank = manifest.ref.digest, cast("AdapterBank", bank_of(runtime.model))
        async with self._turn, self._blobs.held():
            if digest in self._loaded:
                self.touch(digest)
                return
            files = await files_of(self._blobs, manifest, runtime)
            dtype, device = runtime.model.dtype, runtime.model.device
            self._room(manifest.parameters * dtype.itemsize, "adapter", runtime)
            parts = await asyncio.to_thread(read_parts, files, bank.sites, dtype=dtype, device=device)
            # The estimate may have been short, where the manifest states too few parameters.
            self._room(sum(part.nbytes for part in parts.values()), "adapter", runtime)
            if runtime.retired:
                raise NotFound("the model was unloaded", field="model.digest")
            bank.add(digest, parts)
            self._loaded[digest] = runtime
        _LOG.info(
            "adapter loaded", adapter=manifest.ref.name, model=runtime.ref.name, bytes=bank.bytes_of(digest)
        )

    def unload(self, digest: str) -> bool:
        """Frees an adapter; False if it is not loaded. Raises ``Conflict`` while requests use it."""
        runtime = self._loaded.get(digest)
        if runtime is None:
            return False
        if not self._core.retire_adapter(runtime, digest):
            raise Conflict("requests use the adapter; abort them or wait for their end")
        del self._loaded[digest]
        _LOG.info("adapter unloaded", model=runtime.ref.name, digest=digest)
        return True

    def forget(self, runtime: Runtime) -> None:
        """The model is gone, and its adapters with it."""
        for digest in [digest for digest, model in self._loaded.items() if model is runtime]:
            del self._loaded[digest]


def bytes_of(runtime: Runtime, only: Collection[str] | None = None) -> int:
    """What a model's adapters take; of ``only`` these, if given."""
    bank = bank_of(runtime.model)
    if bank is None:
        return 0
    return sum(bank.bytes_of(digest) for digest in bank if only is None or digest in only)


async def files_of(blobs: BlobStore, manifest: Manifest, runtime: Runtime) -> Mapping[str, Path]:
    """An adapter's files, verified. Raises ``Conflict`` where it was made for another model."""
    files = await verified(blobs, manifest, lambda _: None)
    about = Description.read(required(files, DESCRIPTION))
    if about.family != FAMILY:
        raise InvalidArgument("the version is not an adapter", field="manifest.family")
    if about.base != runtime.ref.digest:
        raise Conflict(
            f"the adapter was made for another version than {runtime.ref.name}:{runtime.ref.version}",
            field="model_digest", base=about.base,
        )  # fmt: skip
    return files
