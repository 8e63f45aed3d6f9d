"""The engine's process: ``python -m colonnade.engine``."""

from colonnade.api.engine.v1.engine_pb2_grpc import add_EngineServiceServicer_to_server
from colonnade.engine import threads
from colonnade.engine.core import Core
from colonnade.engine.metrics import EngineMetrics
from colonnade.engine.models import ModelHost
from colonnade.engine.service import Engine
from colonnade.engine.servicer import SERVICE, EngineServicer
from colonnade.engine.settings import EngineSettings
from colonnade.rpc import Identity, Server, run, until_stopped
from colonnade.security.access.engine import RPCS
from colonnade.storage.blobs import LocalBlobStore
from colonnade.telemetry import get_logger, setup, shutdown
from colonnade.telemetry.metrics import serve_metrics

_CLOSING_SECONDS = 1.0


async def main(settings: EngineSettings) -> None:
    """Serves until SIGTERM or SIGINT, then lets running requests finish within ``drain_seconds``."""
    setup("engine", log_level=settings.log_level, otlp_endpoint=settings.otlp_endpoint)
    count = threads.claim(settings.threads)
    core = Core(settings.limits)
    host = ModelHost(
        LocalBlobStore(settings.blobs),
        core,
        memory_bytes=settings.model_bytes,
        dtype=settings.torch_dtype,
        device=settings.device,
    )
    engine = Engine(core, host, EngineMetrics(), threads=count)
    server = Server(settings.address, RPCS, Identity("engine", settings.identity))
    servicer = EngineServicer(engine, settings.deadline_margin_seconds)
    server.add(add_EngineServiceServicer_to_server, servicer, SERVICE)
    metrics = serve_metrics(settings.metrics_port, settings.metrics_host)
    engine.start()
    await server.start()
    await server.ready(True)
    get_logger(__name__).info("serving", address=settings.address, threads=count)
    await until_stopped()
    await server.ready(False)
    await engine.drain(settings.drain_seconds)
    await engine.close()
    await server.stop(_CLOSING_SECONDS)
    metrics.stop()
    shutdown()


if __name__ == "__main__":
    run(main(EngineSettings()))
