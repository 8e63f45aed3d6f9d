"""``colonnade up``"""

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colonnade.cli.connection import HomeFolder
from colonnade.errors import InvalidArgument
from colonnade.supervise.defaults import GATEWAY_PORT

if TYPE_CHECKING:
    from colonnade.supervise.replicas import Replicas


def up(
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Go to the background once ready.")] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where the gateway listens.")] = GATEWAY_PORT,
    host: Annotated[str, typer.Option(help="Other than loopback only once API keys exist.")] = "127.0.0.1",
    home: HomeFolder = None,
    no_import: Annotated[bool, typer.Option("--no-import", help="Do not import the bundled model.")] = False,
    ray: Annotated[
        bool, typer.Option("--ray", help="Engines under Ray, on a cluster of this machine.")
    ] = False,
    replicas: Annotated[
        str | None, typer.Option(metavar="N|MIN:MAX", help="How many engines, with --ray.")
    ] = None,
) -> None:
    """Start the platform on this machine: registry, engine, inference and gateway. Ctrl-C stops it."""
    import asyncio

    from colonnade.cli.foreground import run_attached, run_detached
    from colonnade.supervise.home import Home

    place = Home.of(home)
    engines = _under_ray(replicas) if ray or replicas is not None else None
    if engines and not ray:
        raise InvalidArgument("--replicas is for engines under Ray; add --ray", field="replicas")
    _allow_imports_from_here()
    begin = run_detached if detach else run_attached
    if not asyncio.run(begin(place, host, port, wants_model=not no_import, replicas=engines)):
        raise typer.Exit(1)


def _under_ray(replicas: str | None) -> "Replicas":
    """As said here, or in ``COLONNADE_SERVING_REPLICAS``. Raises ``InvalidArgument`` where Ray is missing."""
    from colonnade.supervise.replicas import Replicas

    engines = Replicas.parse(replicas or os.environ.get("COLONNADE_SERVING_REPLICAS") or "1")
    if importlib.util.find_spec("ray") is None:
        raise InvalidArgument(
            "Ray is not installed; install it with: pip install 'colonnade[ray]'", field="ray"
        )
    return engines


def _allow_imports_from_here() -> None:
    """Models may be imported from where the user's files are: their home folder and where they stand.

    Standing in ``/`` or ``/home`` must not open everybody's files.
    """
    home, here = Path.home(), Path.cwd()
    roots = [home] if home.is_relative_to(here) else [home, here]
    os.environ.setdefault("COLONNADE_REGISTRY_IMPORT_ROOTS", os.pathsep.join(map(str, roots)))
