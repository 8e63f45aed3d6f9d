"""``colonnade up``"""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from colonnade.cli.connection import HomeFolder
from colonnade.errors import InvalidArgument
from colonnade.supervise.console import Console, installed
from colonnade.supervise.defaults import CONSOLE_PORT, GATEWAY_PORT
from colonnade.supervise.engines import Engine, Engines

_VLLM_PYTHON = "COLONNADE_VLLM_PYTHON"


def up(
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Go to the background once ready.")] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where the gateway listens.")] = GATEWAY_PORT,
    host: Annotated[str, typer.Option(help="Other than loopback only once API keys exist.")] = "127.0.0.1",
    home: HomeFolder = None,
    no_import: Annotated[bool, typer.Option("--no-import", help="Do not import the bundled models.")] = False,
    engine: Annotated[
        Engine,
        typer.Option(help="Our own engine, vLLM, or both: vLLM first, ours for what it does not serve."),
    ] = Engine.OWN,
    vllm_python: Annotated[
        str | None,
        typer.Option(metavar="PYTHON", envvar=_VLLM_PYTHON, help="Python of the environment that has vLLM."),
    ] = None,
    ray: Annotated[
        bool, typer.Option("--ray", help="Engines under Ray, on a cluster of this machine.")
    ] = False,
    replicas: Annotated[
        str | None, typer.Option(metavar="N|MIN:MAX", help="How many engines, with --ray.")
    ] = None,
    ray_address: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Of a Ray cluster that runs, with --ray.")
    ] = None,
    console_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Where the web console listens.")
    ] = CONSOLE_PORT,
    no_console: Annotated[bool, typer.Option("--no-console", help="Leave the web console out.")] = False,
) -> None:
    """Start the platform of this machine: its services, an engine, the gateway and the console."""
    import asyncio

    from colonnade.cli.foreground import run_attached, run_detached
    from colonnade.supervise.home import Home

    place = Home.of(home)
    for option, given in {"--replicas": replicas, "--ray-address": ray_address}.items():
        if given is not None and not ray:
            raise InvalidArgument(f"{option} is for engines under Ray; add --ray", field=option.strip("-"))
    engines = _under_ray(engine, replicas, ray_address) if ray else _beside_each_other(engine, vllm_python)
    _allow_imports_from_here()
    _train_from_here()
    begin = run_detached if detach else run_attached
    console = None if no_console else _console(host, console_port)
    if not asyncio.run(begin(place, host, port, wants_model=not no_import, engines=engines, console=console)):
        raise typer.Exit(1)


def _console(host: str, port: int) -> Console | None:
    """None where what its pages are made with is not installed; the platform does without."""
    from colonnade.cli.terminal import remark

    if installed():
        return Console(host, port)
    remark("Without the web console: it is not installed (pip install 'colonnade[console]').")
    return None


def _under_ray(kind: Engine, replicas: str | None, address: str | None) -> Engines:
    """As said here, or in ``COLONNADE_SERVING_REPLICAS``. Raises ``InvalidArgument`` where Ray is missing."""
    from colonnade.supervise.replicas import Replicas

    if kind is not Engine.OWN:
        raise InvalidArgument(
            "engines under Ray are our own; leave out --ray, or --engine", field="engine", supported=["own"]
        )
    wanted = Replicas.parse(replicas or os.environ.get("COLONNADE_SERVING_REPLICAS") or "1")
    if importlib.util.find_spec("ray") is None:
        raise InvalidArgument(
            "Ray is not installed; install it with: pip install 'colonnade[ray]'", field="ray"
        )
    return Engines(replicas=wanted, ray_address=address or "")


def _beside_each_other(kind: Engine, python: str | None) -> Engines:
    """Raises ``InvalidArgument`` where vLLM is wanted and missing."""
    from colonnade.supervise.interpreter import check_vllm

    if kind is Engine.OWN:
        return Engines()
    # Not resolved: an environment's Python is a link, and is told by it where it is.
    chosen = str(Path(python).expanduser().absolute()) if python else sys.executable
    check_vllm(chosen)
    return Engines(kind, chosen)


def _allow_imports_from_here() -> None:
    """Models may be imported from where the user's files are: their home folder and where they stand.

    Standing in ``/`` or ``/home`` must not open everybody's files.
    """
    home, here = Path.home(), Path.cwd()
    roots = [home] if home.is_relative_to(here) else [home, here]
    os.environ.setdefault("COLONNADE_REGISTRY_IMPORT_ROOTS", os.pathsep.join(map(str, roots)))


def _train_from_here() -> None:
    """Relative paths in recipes begin where the user stands, and recipes may read there: not above the user's
    home folder, as for imports."""
    home, here = Path.home(), Path.cwd()
    os.environ.setdefault("COLONNADE_TRAINING_WORK_DIR", str(home if home.is_relative_to(here) else here))
