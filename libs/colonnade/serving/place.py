"""Where one engine of a machine is, and what its process is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from colonnade.serving.settings import ServingSettings
from colonnade.supervise.defaults import METRICS_PORTS
from colonnade.supervise.home import Home

_RAYS = "RAY_"
"""The cluster's token and settings are none of the engine's business."""


@dataclass(frozen=True, slots=True)
class Place:
    address: str
    environment: Mapping[str, str]
    log: Path | None
    """None: where the replica writes, which Ray collects."""


def place(number: int, settings: ServingSettings, node: str, inherited: Mapping[str, str]) -> Place:
    """Of engine ``number`` on the machine ``node``. ``inherited``: the replica's environment."""
    name = f"engine-{number}"
    home = Home(settings.home)
    host = f"[{node}]" if ":" in node else node
    address = f"{host}:{settings.port + number}" if settings.port else settings.socket(name)
    environment = {
        **{key: value for key, value in inherited.items() if not key.startswith(_RAYS)},
        **_threads(settings, inherited),
        "COLONNADE_ENGINE_LISTEN": address,
        "COLONNADE_ENGINE_ADVERTISE": address,
        "COLONNADE_ENGINE_REGISTER_WITH": settings.inference,
        "COLONNADE_ENGINE_DATA_DIR": str(home.data(name)),
        "COLONNADE_ENGINE_METRICS_PORT": str(_metrics_port(number, inherited)),
        "COLONNADE_ENGINE_DRAIN_SECONDS": f"{settings.drain_seconds:g}",
    }
    return Place(address, environment, None if settings.port else home.log(name))


def _threads(settings: ServingSettings, inherited: Mapping[str, str]) -> dict[str, str]:
    """As many as Ray was told that it takes, unless the user said how many."""
    said = inherited.get("COLONNADE_ENGINE_THREADS", "0")
    count = said if said != "0" else str(settings.threads_each)
    return {"COLONNADE_ENGINE_THREADS": count, "OMP_NUM_THREADS": count}


def _metrics_port(number: int, inherited: Mapping[str, str]) -> int:
    """The first engine's, counted up; 0 stays off."""
    said = inherited.get("COLONNADE_ENGINE_METRICS_PORT", "")
    first = int(said) if said.isdigit() else METRICS_PORTS["engine"]
    return first + number if first else 0
