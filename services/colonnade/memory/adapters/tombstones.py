"""Tombstones, in the database and in a file beside it: whichever of the two is put back to what it was, the
other one still knows.

The file has a line of JSON for each; it is only ever added to. A line that a kill cut off is passed over."""

import asyncio
import json
import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.memory.adapters.erasure_tables import TOMBSTONES
from colonnade.storage.sql import Database, micros, moment_of


class KeptTwice:
    """Implements ``ports.Tombstones``."""

    def __init__(self, database: Database, file: Path) -> None:
        self._database, self._file = database, file

    async def bury(self, marks: Mapping[str, datetime]) -> None:
        times = {mark: micros(at) for mark, at in marks.items()}
        await asyncio.to_thread(_append, self._file, times)
        await self._merge(times)

    async def all(self) -> Mapping[str, datetime]:
        """Both are the same afterwards."""
        filed, rows = await asyncio.to_thread(_read, self._file), await self._rows()
        if missing := _later(rows, filed):
            await asyncio.to_thread(_append, self._file, missing)
        if missing := _later(filed, rows):
            await self._merge(missing)
        return {mark: moment_of(max(filed.get(mark, 0), rows.get(mark, 0))) for mark in {*filed, *rows}}

    async def _rows(self) -> dict[str, int]:
        async with self._database.reading() as connection:
            return {row.mark: row.at for row in await connection.execute(select(TOMBSTONES))}

    async def _merge(self, times: Mapping[str, int]) -> None:
        async def work(connection: AsyncConnection) -> None:
            for mark, at in times.items():
                this = TOMBSTONES.c.mark == mark
                known = await connection.scalar(select(TOMBSTONES.c.at).where(this))
                if known is None:
                    await connection.execute(insert(TOMBSTONES).values(mark=mark, at=at))
                elif known < at:
                    await connection.execute(update(TOMBSTONES).where(this).values(at=at))

        await self._database.write(work)


def _later(these: Mapping[str, int], those: Mapping[str, int]) -> dict[str, int]:
    return {mark: at for mark, at in these.items() if at > those.get(mark, -1)}


def _read(file: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    lines: Iterable[str] = file.read_text().splitlines() if file.exists() else ()
    for line in lines:
        try:
            said = json.loads(line)
            mark, at = str(said["mark"]), int(said["at"])
        except (ValueError, KeyError, TypeError):
            continue
        found[mark] = max(at, found.get(mark, at))
    return found


def _append(file: Path, times: Mapping[str, int]) -> None:
    """On the disk when it returns. Begins with a line break: what stands before may have been cut off."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = "".join(f"\n{json.dumps({'mark': mark, 'at': at})}\n" for mark, at in times.items())
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, text.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
