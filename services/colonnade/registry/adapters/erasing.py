"""What the registry says of people: who did something. The records stay, without the reasons that were given;
a pseudonym stands for the name."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.registry.adapters import erasing_words
from colonnade.registry.adapters.draft_tables import DRAFTS
from colonnade.registry.adapters.evaluation_tables import EVALUATIONS
from colonnade.registry.adapters.event_tables import EVENTS
from colonnade.registry.adapters.lineage_tables import LINEAGE_EDGES
from colonnade.registry.adapters.rollout_tables import ROLLOUT_EVENTS, ROLLOUTS
from colonnade.registry.adapters.seal_tables import SEALS
from colonnade.registry.adapters.tables import ALIASES, IMPORTS, METADATA, VERSIONS
from colonnade.registry.adapters.webhook_tables import WEBHOOKS
from colonnade.rpc.erasure_servicer import Erased, Held
from colonnade.security.audit import AuditLog
from colonnade.storage.sql import Database
from colonnade.storage.sql_erasing import holders, renamed, rewrite

_SPARED = ("seals.bundle", "webhooks.secret")
"""What is signed or sealed would not open any more; it names versions, not people."""
_SAID = (
    (VERSIONS.c.created_by, VERSIONS.c.created_at),
    (ALIASES.c.updated_by, ALIASES.c.updated_at),
    (IMPORTS.c.owner, IMPORTS.c.created_at),
    (DRAFTS.c.created_by, DRAFTS.c.created_at),
    (EVALUATIONS.c.by, EVALUATIONS.c.at),
    (EVENTS.c.by, EVENTS.c.at),
    (LINEAGE_EDGES.c.by, LINEAGE_EDGES.c.at),
    (ROLLOUTS.c.created_by, ROLLOUTS.c.created_at),
    (ROLLOUT_EVENTS.c.by, ROLLOUT_EVENTS.c.at),
    (SEALS.c.sealed_by, SEALS.c.sealed_at),
    (WEBHOOKS.c.created_by, WEBHOOKS.c.created_at),
)


class RegistryEraser:
    def __init__(self, database: Database, trail: AuditLog) -> None:
        self._database, self._trail = database, trail

    async def erase(self, tenant: str, subject: str, erasure_id: str) -> Erased:
        async def work(connection: AsyncConnection) -> dict[str, int]:
            await erasing_words.take_out(connection, f"{tenant}/{subject}")
            return await renamed(connection, METADATA, tenant, subject, _SPARED)

        changed = await self._database.write(work)
        await rewrite(self._database, METADATA)
        return Erased(changed | {"audit_keys": await self._trail.erase(tenant, subject)})

    async def held(self) -> Sequence[Held]:
        async with self._database.reading() as connection:
            found = await holders(connection, *_SAID)
        return [Held(*whose, since) for whose, since in found.items()]
