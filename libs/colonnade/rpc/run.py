"""The life of a process: its settings, its telemetry, uvloop until SIGTERM or SIGINT, an exit status."""

import argparse
import asyncio
import gc
import json
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

import uvloop
from pydantic import ValidationError

from colonnade.errors import ColonnadeError
from colonnade.rpc.settings import ProcessSettings
from colonnade.telemetry import setup, shutdown
from colonnade.telemetry.metrics import serve_metrics
from colonnade.telemetry.traces import version

_REFUSED = 2
_COLLECT_AFTER = (10_000, 20, 50)
"""Python looks for cycles after 700 new objects, which one request makes many times over."""
_S = TypeVar("_S", bound=ProcessSettings)


def run_service(
    settings_class: type[_S],
    serve: Callable[[_S], Coroutine[Any, Any, None]],
    report: Callable[[_S], Coroutine[Any, Any, Mapping[str, object]]],
    arguments: Sequence[str] | None = None,
) -> int:
    """What ``python -m colonnade.<service>`` does; returns its exit status.

    ``serve`` runs until the process is told to stop. With ``--check``, ``report`` raises what would keep the
    service from starting, and returns what it would use. Status 2, and one line that says why, where it is
    refused.
    """
    service = settings_class.service
    parser = argparse.ArgumentParser(
        prog=f"python -m colonnade.{service}", description=f"The {service} of a Colonnade platform."
    )
    parser.add_argument("--version", action="version", version=version())
    parser.add_argument("--check", action="store_true", help="read the settings, report, and leave")
    options = parser.parse_args(arguments)
    try:
        settings = settings_class()
        if options.check:
            sys.stdout.write(json.dumps(_facts(settings, asyncio.run(report(settings))), indent=2) + "\n")
        else:
            run(_observed(settings, serve))
    except (ColonnadeError, ValidationError) as error:
        sys.stderr.write(f"{service}: {_reason(error)}\n")
        return _REFUSED
    return 0


def run(main: Coroutine[Any, Any, None]) -> None:
    """Runs a process's main coroutine."""
    uvloop.run(main)


async def until_stopped() -> None:
    """Returns at the first SIGTERM or SIGINT; a second SIGINT ends the process at once."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        stopped.set()
        loop.remove_signal_handler(signal.SIGINT)

    loop.add_signal_handler(signal.SIGTERM, stop)
    loop.add_signal_handler(signal.SIGINT, stop)
    await stopped.wait()


async def _observed(settings: _S, serve: Callable[[_S], Coroutine[Any, Any, None]]) -> None:
    """Serves with logs, traces and metrics on; what waits of them is sent before the end."""
    setup(settings.service, log_level=settings.log_level, otlp_endpoint=settings.otlp_endpoint)
    metrics = serve_metrics(settings.metrics_port, settings.metrics_host)
    _spare_what_stays()
    try:
        await serve(settings)
    finally:
        metrics.stop()
        shutdown()


def _spare_what_stays() -> None:
    """What was imported lives as long as the process: the collector need not walk it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def _facts(settings: ProcessSettings, more: Mapping[str, object]) -> dict[str, object]:
    return {
        "service": settings.service,
        "version": version(),
        "listen": settings.address,
        "home": str(settings.home),
        "metrics_port": settings.metrics_port,
        **more,
    }


def _reason(error: ColonnadeError | ValidationError) -> str:
    if isinstance(error, ColonnadeError):
        return error.message
    faults = error.errors(include_input=False)
    return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
