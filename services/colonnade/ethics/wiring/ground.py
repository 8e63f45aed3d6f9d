"""What every room of the service stands on."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass

from colonnade.ethics.bias.adapters.served import ServedModels
from colonnade.ethics.bias.watching import Watching
from colonnade.ethics.decisions.domain import Held
from colonnade.ethics.settings import EthicsSettings
from colonnade.ethics.wiring.live import watching_of
from colonnade.rpc import Identity, Peer, Server
from colonnade.security.access.ethics import RPCS
from colonnade.security.audit import AuditLog
from colonnade.storage.migrations import migrate
from colonnade.storage.sql import Database


@dataclass(frozen=True, slots=True)
class Ground:
    settings: EthicsSettings
    identity: Identity
    server: Server
    database: Database
    """At the schema of the code."""
    trail: AuditLog
    inference: Peer
    """Both may be away."""
    registry: Peer
    watching: Watching
    stack: AsyncExitStack
    """Of what is to be closed at the end, before all of the above."""


async def _nobody(after: tuple[str, str], limit: int) -> Sequence[Held]:
    return ()


async def _nothing(tenant: str, subject: str) -> Mapping[str, int]:
    return {}


@dataclass(frozen=True, slots=True)
class Room:
    """What a room gives the process, once it has added its servicers to the server."""

    erase: Callable[[str, str], Awaitable[Mapping[str, int]]] = _nothing
    """All that it holds of a tenant's subject, by store; safe to repeat."""
    held: Callable[[tuple[str, str], int], Awaitable[Sequence[Held]]] = _nobody
    """Of whom it holds something: after a tenant's subject, in their order, so many at most."""
    background: tuple[Callable[[], Awaitable[None]], ...] = ()
    """Each runs until it is cancelled; it catches its own errors."""


@asynccontextmanager
async def laid(settings: EthicsSettings) -> AsyncIterator[Ground]:
    identity = Identity(settings.service, settings.identity)
    server = Server(settings.address, RPCS, identity)
    async with AsyncExitStack() as stack:
        trail = stack.enter_context(closing(settings.opened_audit()))  # one serves a home
        database = database_of(settings)
        stack.push_async_callback(database.close)
        await migrate(database, "colonnade.ethics")
        inference = await stack.enter_async_context(Peer("inference", settings.inference, identity))
        registry = await stack.enter_async_context(Peer("registry", settings.registry, identity))
        models = ServedModels(inference, registry)
        watching = watching_of(settings, database, models, trail, identity.principal)
        yield Ground(settings, identity, server, database, trail, inference, registry, watching, stack)


def database_of(settings: EthicsSettings) -> Database:
    return Database(
        settings.database, connections=settings.database_connections,
        setting="COLONNADE_ETHICS_DATABASE_URL", secure_delete=True,
    )  # fmt: skip
