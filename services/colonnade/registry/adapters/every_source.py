"""All that a model may be imported from: this machine, an allowed URL, what was uploaded to a draft."""

from collections.abc import AsyncGenerator
from pathlib import Path

from colonnade.errors import InvalidArgument
from colonnade.registry.adapters.laying import place_of
from colonnade.registry.adapters.remote import RemoteSources
from colonnade.registry.adapters.sources import LocalSources
from colonnade.registry.drafts.draft import UPLOAD
from colonnade.registry.drafts.ports import DraftStore, Spool
from colonnade.registry.ports import Progress, Sources

_SCHEMES = ("http://", "https://")


class EverySource:
    """Implements ``ports.Sources``."""

    def __init__(self, local: LocalSources, remote: RemoteSources, uploads: "Uploads") -> None:
        self._local, self._remote, self._uploads = local, remote, uploads

    async def check(self, source: str) -> None:
        await self._of(source).check(source)

    def bring(self, source: str, folder: Path) -> AsyncGenerator[Progress | Path, None]:
        return self._of(source).bring(source, folder)

    def _of(self, source: str) -> Sources:
        if source.startswith(_SCHEMES):
            return self._remote
        return self._uploads if source.startswith(UPLOAD) else self._local


class Uploads:
    """Implements ``ports.Sources`` for drafts; nobody but a draft itself names one."""

    def __init__(self, store: DraftStore, spool: Spool) -> None:
        self._store, self._spool = store, spool

    async def check(self, source: str) -> None:
        raise InvalidArgument("files are uploaded to a draft; begin one without a source", field="source")

    async def bring(self, source: str, folder: Path) -> AsyncGenerator[Progress | Path, None]:
        model, _, number = source.removeprefix(UPLOAD).rpartition(":")
        draft = await self._store.find((model, int(number)))
        laid = folder / "source"
        await self._spool.lay(draft.room, draft.files, laid)
        yield place_of(laid, [file.path for file in draft.files])
