"""What the gateway holds of people: their keys, files and batches, and what says that they changed something.

Keys keep their rows, without name and owner, and open nothing any more: were they all gone, the gateway would
ask for none. Usage is booked on keys, so it stays, and is nobody's.
"""

import secrets
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.gateway.adapters.batch_tables import BATCHES, FILES, LINES
from colonnade.gateway.adapters.sql import KEYS, METADATA
from colonnade.gateway.adapters.sql_limits import LIMITS
from colonnade.gateway.ports import FileContents
from colonnade.rpc.erasure_servicer import Erased, Held
from colonnade.security.audit import AuditLog
from colonnade.storage.sql import Database
from colonnade.storage.sql_erasing import PSEUDONYM, holders, rewrite

_OWNED = (KEYS, FILES, BATCHES)
_SAID = ((KEYS.c.created_by, KEYS.c.created_at), (LIMITS.c.updated_by, LIMITS.c.updated_at))


class GatewayEraser:
    def __init__(
        self,
        database: Database,
        contents: FileContents,
        trail: AuditLog,
        revoked: Callable[[str], None],
        now: Callable[[], int],
    ) -> None:
        """``revoked`` is told the id of each key that opens nothing from now on; ``now`` in microseconds."""
        self._database, self._contents, self._trail = database, contents, trail
        self._revoked, self._now = revoked, now

    async def erase(self, tenant: str, subject: str, erasure_id: str) -> Erased:
        files = await self._ids(FILES, tenant, subject)
        for file_id in files:  # before their rows: nobody would find them afterwards
            await self._contents.delete(file_id)
        keys = await self._ids(KEYS, tenant, subject)
        removed = await self._database.write(lambda connection: self._erase(connection, tenant, subject))
        for key_id in keys:
            self._revoked(key_id)
        await rewrite(self._database, METADATA)
        return Erased(removed | {"audit_keys": await self._trail.erase(tenant, subject)})

    async def held(self) -> Sequence[Held]:
        async with self._database.reading() as connection:
            since = await holders(connection, *_SAID)
            for table in _OWNED:
                whose = table.c.tenant, table.c.subject
                found = select(*whose, func.min(table.c.created_at)).group_by(*whose)
                for tenant, subject, first in await connection.execute(found):
                    if subject and not subject.startswith(PSEUDONYM):
                        since[tenant, subject] = min(first, since.get((tenant, subject), first))
        return [Held(*whose, first) for whose, first in since.items()]

    async def _ids(self, table: Any, tenant: str, subject: str) -> list[str]:
        async with self._database.reading() as connection:
            return list(await connection.scalars(select(table.c.id).where(*_of(table, tenant, subject))))

    async def _erase(self, connection: AsyncConnection, tenant: str, subject: str) -> dict[str, int]:
        pseudonym = f"{PSEUDONYM}{secrets.token_hex(8)}"
        name, nobody = f"{tenant}/{subject}", f"{tenant}/{pseudonym}"
        lines = LINES.c.batch_id.in_(select(BATCHES.c.id).where(*_of(BATCHES, tenant, subject)))
        ended = func.coalesce(KEYS.c.revoked_at, self._now())
        nameless = {"subject": pseudonym, "name": "", "idempotency_key": "", "revoked_at": ended}
        statements = {
            "batch_lines": delete(LINES).where(lines),
            "batches": delete(BATCHES).where(*_of(BATCHES, tenant, subject)),
            "files": delete(FILES).where(*_of(FILES, tenant, subject)),
            "keys": update(KEYS).where(*_of(KEYS, tenant, subject)).values(**nameless),
            "keys_created": update(KEYS)
            .where(KEYS.c.created_by == name)
            .values(created_by=nobody, idempotency_key=""),
            "limits": update(LIMITS).where(LIMITS.c.updated_by == name).values(updated_by=nobody),
        }
        return {name: (await connection.execute(each)).rowcount for name, each in statements.items()}


def _of(table: Any, tenant: str, subject: str) -> tuple[Any, Any]:
    return table.c.tenant == tenant, table.c.subject == subject
