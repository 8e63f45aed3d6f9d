"""The training service for a kill drill: it ends itself, with SIGKILL, behind one call of the registry.

Which one stands in the file ``DRILL_DIES_AT``: how many calls come before it, from when the file is there."""

import itertools
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from colonnade.rpc import run, until_stopped
from colonnade.telemetry import setup
from colonnade.training.__main__ import wired
from colonnade.training.adapters.registry_calls import RegistryCalls
from colonnade.training.settings import TrainingSettings

MAKER = Path(__file__).parents[2] / "unit" / "training" / "maker.py"
WORKER = (sys.executable, "-I", "-S", str(MAKER))
DIES_AT = Path(os.environ["DRILL_DIES_AT"])
CALLS = ("resolve", "find", "begin", "announce", "write", "seal", "describe", "record", "move")
_calls = itertools.count()


def mortal(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def called(*arguments: Any) -> Any:
        result = await call(*arguments)
        if DIES_AT.exists() and next(_calls) == int(DIES_AT.read_text()):
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return called


async def serve(settings: TrainingSettings) -> None:
    async with wired(settings, WORKER) as server:
        await server.start()
        await server.ready(True)
        await until_stopped()
        await server.stop(0)


for name in CALLS:
    setattr(RegistryCalls, name, mortal(getattr(RegistryCalls, name)))
setup("training", log_level="WARNING")
run(serve(TrainingSettings()))
