"""Models from allowed URLs: a .gguf file, or an index that names the files of a folder with their digests.

    {"files": {"config.json": {"url": "config.json", "sha256": "<64 hex>", "size": 1234}, ...}}

A URL in an index may be relative to it, and has to be allowed like every other.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urljoin

from colonnade.errors import InvalidArgument, TooLarge
from colonnade.registry.adapters.file_kinds import check_kind_of
from colonnade.registry.adapters.laying import place_of
from colonnade.registry.domain import MAX_ARTEFACTS
from colonnade.registry.drafts.draft import DraftFile, check_apart
from colonnade.registry.ports import Progress
from colonnade.security.inputs import JsonLimits, check_count, parse_object
from colonnade.security.outbound import Outbound
from colonnade.storage.disk import full_disk_named

_INDEX = JsonLimits(max_bytes=4 * 1024**2, max_depth=4, max_nodes=50_000)
_WHOLE = "model.gguf"


@dataclass(frozen=True, slots=True)
class _Wanted:
    url: str
    path: str
    digest: str = ""
    size_bytes: int | None = None


class RemoteSources:
    """Implements ``ports.Sources``. ``max_bytes`` and ``seconds`` are for all files of a model together."""

    def __init__(self, outbound: Outbound, *, max_bytes: int, seconds: float) -> None:
        self._outbound = outbound
        self._max_bytes, self._seconds = max_bytes, seconds

    async def check(self, source: str) -> None:
        path = PurePosixPath(self._outbound.check(source, "source").target.partition("?")[0])
        if path.suffix.lower() not in (".gguf", ".json"):
            raise InvalidArgument(
                "a URL must lead to a .gguf file, or to a .json index of the files of a model", field="source"
            )

    async def bring(self, source: str, folder: Path) -> AsyncGenerator[Progress | Path, None]:
        await self.check(source)
        deadline = asyncio.get_running_loop().time() + self._seconds
        yield Progress("fetch", 0.0)
        wanted = await self._wanted(source)
        total = sum(each.size_bytes or 0 for each in wanted)
        if total > self._max_bytes:
            raise self._too_large()
        laid, done = folder / "source", 0
        for each in wanted:
            async with aclosing(self._fetched(each, laid / each.path, deadline, done, total)) as steps:
                async for step in steps:
                    yield step
            done += each.size_bytes or 0
        yield place_of(laid, [each.path for each in wanted])

    async def _wanted(self, source: str) -> list[_Wanted]:
        name = self._outbound.check(source, "source").target.partition("?")[0]
        if not name.lower().endswith(".json"):
            return [_Wanted(source, _WHOLE)]
        content = bytearray()
        async with self._outbound.stream_get(
            source, max_bytes=_INDEX.max_bytes, seconds=self._seconds, field="source"
        ) as download:
            async for piece in download:
                content += piece
        return _listed(parse_object(bytes(content), _INDEX, "the index"), source)

    async def _fetched(
        self, wanted: _Wanted, path: Path, deadline: float, done: int, total: int
    ) -> AsyncGenerator[Progress, None]:
        path.parent.mkdir(parents=True, exist_ok=True)
        left = deadline - asyncio.get_running_loop().time()
        most = self._max_bytes - done if wanted.size_bytes is None else wanted.size_bytes
        hasher, size = hashlib.sha256(), 0
        with path.open("wb") as out:
            async with self._outbound.stream_get(
                wanted.url, max_bytes=most, seconds=left, field="source"
            ) as download:
                whole = total or download.total or 0
                async for piece in download:
                    size += len(piece)
                    await asyncio.to_thread(_kept, piece, out, hasher)
                    yield Progress("fetch", min((done + size) / whole, 1.0) if whole else 0.0, wanted.path)
        if wanted.digest and (f"sha256:{hasher.hexdigest()}", size) != (wanted.digest, wanted.size_bytes):
            raise InvalidArgument(f"{wanted.path} is not what the index says it is", field="source")
        await asyncio.to_thread(check_kind_of, path, wanted.path)

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"a model from a URL may have {self._max_bytes} bytes (COLONNADE_REGISTRY_MAX_FETCH_BYTES)",
            field="source",
            limit=self._max_bytes,
        )


def _kept(piece: bytes, out: Any, hasher: Any) -> None:
    with full_disk_named("the registry's", "free some space"):
        out.write(piece)
    hasher.update(piece)


def _listed(index: dict[str, Any], source: str) -> list[_Wanted]:
    files = index.get("files")
    if not isinstance(files, dict) or not files:
        raise InvalidArgument('the index must have "files": an object of paths', field="files")
    check_count(len(files), MAX_ARTEFACTS, "files")
    check_apart(files.keys())
    return [_one(path, entry, source) for path, entry in sorted(files.items())]


def _one(path: str, entry: Any, source: str) -> _Wanted:
    entry = entry if isinstance(entry, dict) else {}
    url, digest, size = entry.get("url", path), entry.get("sha256"), entry.get("size")
    if not (isinstance(url, str) and isinstance(digest, str) and type(size) is int):
        raise InvalidArgument(
            f"the index must give a url, a sha256 and a size for {path!r:.100}", field="files"
        )
    file = DraftFile(path, size, f"sha256:{digest}")
    file.check()
    return _Wanted(_joined(source, url), path, file.digest, size)


def _joined(source: str, url: str) -> str:
    try:
        return urljoin(source, url)
    except ValueError:
        raise InvalidArgument("the index has a url that is none", field="files") from None
