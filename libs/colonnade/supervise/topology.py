"""What runs on one machine: the processes, how to tell that they are ready, and their order at the end.

They start in parallel, since each waits for the ones it needs; they stop from the outside in, so that
running answers are finished while everything they need is still there.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from colonnade.supervise.console import Console
from colonnade.supervise.defaults import DRAIN_SECONDS, GATEWAY_PORT, METRICS_PORTS
from colonnade.supervise.engines import Engines
from colonnade.supervise.home import Home
from colonnade.supervise.machine import usable_cpus
from colonnade.supervise.probe import GrpcHealth, HttpHealth, ProbeSpec, loopback

STOP_ORDER = (
    "console", "gateway", "training", "memory", "ethics", "inference", "engine", "vllm", "serving",
    "registry",
)  # fmt: skip
"""Of ``engine``, ``vllm`` and ``serving`` there are some."""
_MARGIN_SECONDS = 5.0
_RAY_SECONDS = 25.0
"""What a Ray cluster takes to end, when its engines have."""
_FOR_CLIENTS = frozenset({"COLONNADE_API_KEY", "COLONNADE_URL"})


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """One process. ``command`` and the whole ``env`` are given to it as they are."""

    name: str
    command: tuple[str, ...]
    probe: ProbeSpec
    address: str
    """For people."""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    socket: Path | None = None
    """Removed before a start: what a dead process left would refuse connections."""
    host: str = "127.0.0.1"
    ports: tuple[int, ...] = ()
    """TCP ports on ``host`` that it will bind; checked before anything starts."""
    stop_rank: int = 0
    """Lower ends first; equal ones together."""
    grace_seconds: float = DRAIN_SECONDS + _MARGIN_SECONDS
    """Between SIGTERM and SIGKILL; a service drains within it."""
    start_seconds: float = 180.0
    """It must answer its probe within this time of its start, or it is started again."""


def platform(
    home: Home,
    *,
    host: str = "127.0.0.1",
    port: int = GATEWAY_PORT,
    engines: Engines = Engines(),  # noqa: B008  (frozen)
    console: Console | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[ServiceSpec, ...]:
    """The platform's processes below ``home`` with the gateway, which stands last, on ``host:port``.

    ``environ`` (by default ours) is passed on, with what ties the processes together set on top.
    """
    inherited = engines.environment(os.environ if environ is None else environ)
    shared = _environment(home, inherited, engines)
    backends = ("registry", *engines.services, "inference", "training", "memory", "ethics")
    gateway = _gateway(home, host, port, shared)
    before = tuple(_backend(home, name, engines.python(name), shared) for name in backends)
    return (*before, *([_console(console, gateway.address, shared)] if console else []), gateway)


def _backend(home: Home, name: str, python: str, shared: Mapping[str, str]) -> ServiceSpec:
    variable = f"COLONNADE_{name.upper()}_METRICS_PORT"
    metrics_port = shared.get(variable, str(METRICS_PORTS.get(name, 0)))
    socket = home.socket(name)
    own = {variable: metrics_port, f"COLONNADE_{name.upper()}_LISTEN": f"unix:{socket}"}
    return ServiceSpec(
        name=name,
        command=_command(f"colonnade.{name}", python),
        probe=GrpcHealth(socket),
        address=f"unix:{socket}",
        env={**shared, **_threads(name, shared), **own},
        socket=socket,
        ports=(int(metrics_port),) if metrics_port.isdigit() and int(metrics_port) else (),
        stop_rank=STOP_ORDER.index(name),
        grace_seconds=_grace(name, shared),
    )


def _gateway(home: Home, host: str, port: int, shared: Mapping[str, str]) -> ServiceSpec:
    near = loopback(host)
    shown = f"[{host}]" if ":" in host else host
    return ServiceSpec(
        name="gateway",
        command=_command("colonnade.gateway"),
        probe=HttpHealth(near, port),
        address=f"http://{f'[{near}]' if ':' in near else near}:{port}",
        env={**shared, **_threads("gateway", shared), "COLONNADE_GATEWAY_LISTEN": f"{shown}:{port}"},
        host=host,
        ports=(port,),
        stop_rank=STOP_ORDER.index("gateway"),
        grace_seconds=_grace("gateway", shared),
    )


def _console(console: Console, gateway: str, shared: Mapping[str, str]) -> ServiceSpec:
    """It asks the gateway for everything, so it is not told where the others are."""
    return ServiceSpec(
        name="console",
        command=_command("colonnade.console"),
        probe=HttpHealth(console.near, console.port),
        address=console.url,
        env={
            **shared,
            **_threads("console", shared),
            "COLONNADE_CONSOLE_LISTEN": console.listen,
            "COLONNADE_CONSOLE_GATEWAY_URL": gateway,
        },
        host=console.host,
        ports=(console.port,),
        stop_rank=STOP_ORDER.index("console"),
        grace_seconds=_grace("console", shared),
    )


def _command(module: str, python: str = sys.executable) -> tuple[str, ...]:
    # -P: without it "-m" would import from the folder where the user happens to stand.
    return (python, "-P", "-m", module)


def _environment(home: Home, inherited: Mapping[str, str], engines: Engines) -> dict[str, str]:
    """Ours, then what must hold for this platform whatever the user's shell has.

    The user's key and address are for clients; no service needs to know them.
    """
    addresses = (
        "none" if engines.replicas else ",".join(f"unix:{home.socket(each)}" for each in engines.services)
    )
    return {
        **{name: value for name, value in inherited.items() if name not in _FOR_CLIENTS},
        "COLONNADE_HOME": str(home.root),
        "COLONNADE_REGISTRY_ADDRESS": f"unix:{home.socket('registry')}",
        "COLONNADE_INFERENCE_ADDRESS": f"unix:{home.socket('inference')}",
        "COLONNADE_TRAINING_ADDRESS": f"unix:{home.socket('training')}",
        "COLONNADE_MEMORY_ADDRESS": f"unix:{home.socket('memory')}",
        "COLONNADE_ETHICS_ADDRESS": f"unix:{home.socket('ethics')}",
        "COLONNADE_ENGINE_ADDRESSES": addresses,
        "COLONNADE_ENGINE_TRUSTED_KEYS": inherited.get("COLONNADE_ENGINE_TRUSTED_KEYS")
        or str(home.trusted_keys),
        "PYTHONUNBUFFERED": "1",
        "PYTHONFAULTHANDLER": "1",  # a crash in native code leaves its stack in the log
    }


def _threads(name: str, inherited: Mapping[str, str]) -> dict[str, str]:
    """The engine's matrix products get every core we may use, or as many as the user said; more only fight.

    The others compute nothing, and spinning idle workers in them would take cores from the engine.
    """
    if name not in ("engine", "vllm"):
        return {"OMP_NUM_THREADS": "1"}
    variable = f"COLONNADE_{name.upper()}_THREADS"
    said = inherited.get(variable, "0")
    chosen = said if said != "0" else inherited.get("OMP_NUM_THREADS") or str(usable_cpus())
    return {"OMP_NUM_THREADS": chosen, variable: chosen}


def _grace(name: str, inherited: Mapping[str, str]) -> float:
    """Longer than the service takes to drain, or it would be killed while it does."""
    try:
        drain = float(inherited[f"COLONNADE_{name.upper()}_DRAIN_SECONDS"])
    except (KeyError, ValueError):
        drain = DRAIN_SECONDS
    return drain + _MARGIN_SECONDS + (_RAY_SECONDS if name == "serving" else 0)
