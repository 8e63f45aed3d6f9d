"""The server around an engine, whatever computes in it: settings, calls, registration, end."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import Field

from colonnade.api.engine.v1.engine_pb2_grpc import add_EngineServiceServicer_to_server
from colonnade.engine.registration import Registration
from colonnade.engine.service import Engine
from colonnade.engine.servicer import FULL_NAME, EngineServicer
from colonnade.errors import InvalidArgument
from colonnade.rpc import Identity, Peer, ProcessSettings, Server, until_stopped
from colonnade.security.access.engine import RPCS
from colonnade.security.seals import Trusted
from colonnade.telemetry import get_logger

ENGINE = "engine"
"""What every engine is to the others, whatever its process is called."""
_EVERYWHERE = ("0.0.0.0:", "[::]:", ":")
_CLOSING_SECONDS = 1.0
_LOG = get_logger(__name__)


class ServerSettings(ProcessSettings):
    """What an engine's process is told, whatever computes in it."""

    refusal_seconds: float = Field(default=3600.0, ge=0)
    """How long a request is refused that took the engine down twice."""
    queue_capacity: int = Field(default=256, ge=1)
    max_sequences: int = Field(default=32, ge=1)
    deadline_margin_seconds: float = Field(default=0.05, ge=0)
    """How long before its deadline an answer ends, so that what it came to still arrives."""
    register_with: str = ""
    """The address of an inference service to register with; empty: none, it knows the engine by its own
    settings."""
    advertise: str = ""
    """Where that service reaches the engine; empty: the address that it listens on."""
    data_dir: Path | None = None
    """What it keeps for its next start; no two engines share one. None takes its folder below home."""

    trusted_keys: str = Field(default="", validation_alias="COLONNADE_ENGINE_TRUSTED_KEYS")
    """Public keys whose seals are good, as PEM files or folders of them, separated as in PATH. Empty: seals
    are not checked, files still are."""

    @property
    def trusted(self) -> Trusted | None:
        return Trusted.parse(self.trusted_keys)

    @property
    def data(self) -> Path:
        return self.data_dir or super().data

    @property
    def advertised(self) -> str:
        """Raises ``InvalidArgument`` for an address that only says "everywhere"."""
        address = self.advertise or self.address
        if address.startswith(_EVERYWHERE):
            raise InvalidArgument(
                "nobody can call the engine at the address it listens on; say in "
                f"{self.model_config['env_prefix']}ADVERTISE which one is to be registered",
                field="advertise",
            )
        return address


@asynccontextmanager
async def answering(settings: ServerSettings, engine: Engine) -> AsyncGenerator[Server, None]:
    """The engine behind its server; not ready yet."""
    server = Server(settings.address, RPCS, Identity(ENGINE, settings.identity))
    servicer = EngineServicer(engine, settings.deadline_margin_seconds)
    server.add(add_EngineServiceServicer_to_server, servicer, FULL_NAME)
    engine.start()
    try:
        await server.start()
        yield server
    finally:
        await engine.close()  # first: it ends the calls that are still open
        await server.stop(_CLOSING_SECONDS)


async def serve_until_stopped(settings: ServerSettings, engine: Engine, server: Server) -> None:
    """Takes requests until SIGTERM or SIGINT, then lets running ones finish within ``drain_seconds``."""
    await server.ready(True)
    _LOG.info("serving", address=settings.address, seals=settings.trusted is not None)
    async with registered(settings):
        await until_stopped()
    await server.ready(False)
    finished = await engine.drain(settings.drain_seconds)
    _LOG.info("drained", finished=finished)


@asynccontextmanager
async def registered(settings: ServerSettings) -> AsyncGenerator[None, None]:
    """Known to an inference service meanwhile, if the settings name one."""
    if not settings.register_with:
        yield
        return
    async with Peer("inference", settings.register_with, Identity(ENGINE, settings.identity)) as inference:
        registration = Registration(inference, settings.advertised)
        keeping = asyncio.create_task(registration.keep())
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await registration.leave()
