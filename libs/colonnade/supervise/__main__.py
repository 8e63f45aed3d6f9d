"""The supervisor as a process of its own, as ``colonnade up --detach`` starts it.

It tells its starter how the start went with one JSON line on the file descriptor it was given, and closes it.
"""

import argparse
import asyncio
import json
import os
import sys

from colonnade.errors import ColonnadeError
from colonnade.supervise.console import Console
from colonnade.supervise.control import refusal
from colonnade.supervise.defaults import GATEWAY_PORT
from colonnade.supervise.engines import Engines
from colonnade.supervise.home import Home
from colonnade.supervise.supervisor import Supervisor
from colonnade.supervise.topology import platform


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m colonnade.supervise")
    parser.add_argument("--home", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=GATEWAY_PORT)
    Engines.add_arguments(parser)
    Console.add_arguments(parser)
    parser.add_argument("--tell", type=int, help="file descriptor to report the start on")
    arguments = parser.parse_args()
    return asyncio.run(_run(arguments))


async def _run(arguments: argparse.Namespace) -> int:
    home = Home.of(arguments.home)
    engines, console = Engines.of(arguments), Console.of(arguments)
    specs = platform(home, host=arguments.host, port=arguments.port, engines=engines, console=console)
    supervisor = Supervisor(home, specs, url=specs[-1].address)
    supervisor.stop_on_signals()
    try:
        await supervisor.run(lambda: _tell(arguments.tell, {"ok": True}))
    except ColonnadeError as error:
        _tell(arguments.tell, refusal(error))
        return 1
    return 0


def _tell(descriptor: int | None, message: dict[str, object]) -> None:
    if descriptor is not None:
        os.write(descriptor, json.dumps(message).encode() + b"\n")
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
