"""``colonnade up``"""

import os
from pathlib import Path
from typing import Annotated

import typer

from colonnade.cli.connection import HomeFolder
from colonnade.supervise.defaults import GATEWAY_PORT


def up(
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Go to the background once ready.")] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where the gateway listens.")] = GATEWAY_PORT,
    host: Annotated[str, typer.Option(help="Other than loopback only once API keys exist.")] = "127.0.0.1",
    home: HomeFolder = None,
    no_import: Annotated[bool, typer.Option("--no-import", help="Do not import the bundled model.")] = False,
) -> None:
    """Start the platform on this machine: registry, engine, inference and gateway. Ctrl-C stops it."""
    import asyncio

    from colonnade.cli.foreground import run_attached, run_detached
    from colonnade.supervise.home import Home

    place = Home.of(home)
    _allow_imports_from_here()
    begin = run_detached if detach else run_attached
    if not asyncio.run(begin(place, host, port, wants_model=not no_import)):
        raise typer.Exit(1)


def _allow_imports_from_here() -> None:
    """Models may be imported from where the user's files are: their home folder and where they stand.

    Standing in ``/`` or ``/home`` must not open everybody's files.
    """
    home, here = Path.home(), Path.cwd()
    roots = [home] if home.is_relative_to(here) else [home, here]
    os.environ.setdefault("COLONNADE_REGISTRY_IMPORT_ROOTS", os.pathsep.join(map(str, roots)))
