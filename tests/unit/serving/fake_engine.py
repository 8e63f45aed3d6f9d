"""Stands in for ``python -m colonnade.engine`` below a replica: its health and its load, and no model.

FAKE_ENGINE says what it does: ``ends`` at once, is ``unready`` for ever, ``stays`` on SIGTERM; else it
serves.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any, cast

from colonnade.api.engine.v1 import engine_pb2 as pb
from colonnade.api.engine.v1 import engine_pb2_grpc
from colonnade.rpc import Identity, Server, run, until_stopped
from colonnade.security.access.engine import RPCS


class _Servicer(engine_pb2_grpc.EngineServiceServicer):
    async def Stats(self, request: pb.StatsRequest, context: Any) -> pb.StatsResponse:
        models = [pb.LoadedModel(running=2, waiting=3), pb.LoadedModel(running=1)]
        return pb.StatsResponse(models=models, outstanding_tokens=700)


async def _serve(how: str) -> None:
    server = Server(os.environ["COLONNADE_ENGINE_LISTEN"], RPCS, Identity("engine", _identity()))
    server.add(
        engine_pb2_grpc.add_EngineServiceServicer_to_server,
        cast("Any", _Servicer)(),  # the other methods answer that they are not there
        pb.DESCRIPTOR.services_by_name["EngineService"].full_name,
    )
    await server.start()
    await server.ready(how != "unready")
    _say("serving")
    await until_stopped()
    _say("stopping")
    await server.stop(0)


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def _identity() -> Path:
    return Path(os.environ["COLONNADE_HOME"]) / "identity"


if __name__ == "__main__":
    how = os.environ.get("FAKE_ENGINE", "")
    if how == "ends":
        _say("it cannot be")
        sys.exit(3)
    if how == "stays":
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    run(_serve(how))
