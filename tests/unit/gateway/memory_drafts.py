"""A registry's drafts in memory: one of ``tiny`` is there from the beginning, with half a file."""

from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from colonnade.errors import Conflict, NotFound
from colonnade.gateway.domain.drafts import Draft, DraftFile, DraftOrder
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.models import ImportProgress, Version
from tests.unit.gateway.memory_registry import CONTENT

MOMENT = datetime(2030, 1, 2, tzinfo=UTC)
PATH = "model.safetensors"
FILE = DraftFile(PATH, len(CONTENT), f"sha256:{'0' * 64}", 8)


def draft(model: str, number: int, order: DraftOrder | None = None, *files: DraftFile) -> Draft:
    order = order or DraftOrder(model)
    return Draft(
        model, number, "waiting" if order.source else "open", "", 0.0, order.source, order.alias, order.base,
        order.description, files, MOMENT, "local/me", MOMENT, 0,
    )  # fmt: skip


class FakeDrafts:
    """Implements ``ports.DraftBook``."""

    def __init__(self, sealed: Version) -> None:
        self.orders: list[DraftOrder] = []
        self.drafts = {("tiny", 2): draft("tiny", 2, None, FILE)}
        self.written: dict[str, bytes] = {PATH: CONTENT[:8]}
        self.sealed = sealed
        self.discarded: list[tuple[str, int]] = []

    async def begin(self, caller: Caller, order: DraftOrder) -> Draft:
        self.orders.append(order)
        return draft(order.model, 3, order)

    async def get(self, caller: Caller, model: str, number: int) -> Draft:
        found = self.drafts.get((model, number))
        if found is None:
            raise NotFound(f"there is no draft {model}:{number}", field="number")
        files = [replace(file, received=len(self.written.get(file.path, b""))) for file in found.files]
        return replace(found, files=tuple(files))

    async def list(self, caller: Caller, model: str) -> Sequence[Draft]:
        return [await self.get(caller, *key) for key in self.drafts if key[0] == model]

    async def open_file(self, caller: Caller, model: str, number: int, file: DraftFile) -> DraftFile:
        found = await self.get(caller, model, number)
        others = [each for each in found.files if each.path != file.path]
        self.drafts[model, number] = replace(found, files=(*others, file))
        return replace(file, received=len(self.written.get(file.path, b"")))

    async def write_file(
        self, caller: Caller, model: str, number: int, path: str, offset: int, chunks: AsyncIterable[bytes]
    ) -> DraftFile:
        there = self.written.get(path, b"")
        if offset != len(there):
            raise Conflict(
                f"there are {len(there)} bytes; go on from there", field="offset", offset=len(there)
            )
        async for chunk in chunks:
            self.written[path] = self.written.get(path, b"") + chunk
        found = await self.get(caller, model, number)
        return next(file for file in found.files if file.path == path)

    async def seal(self, caller: Caller, model: str, number: int) -> AsyncGenerator[ImportProgress, None]:
        yield ImportProgress("convert", 0.5)
        yield ImportProgress("done", 1.0, version=self.sealed)

    async def discard(self, caller: Caller, model: str, number: int) -> None:
        self.discarded.append((model, number))

    async def read_file(self, caller: Caller, digest: str, offset: int = 0) -> AsyncGenerator[bytes, None]:
        yield CONTENT[offset : offset + 4]
        yield CONTENT[offset + 4 :]
