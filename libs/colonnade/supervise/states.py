"""What the supervisor knows of its processes, as it tells it over the control socket."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class State(StrEnum):
    PENDING = "pending"
    """Not started yet."""
    STARTING = "starting"
    """Runs, and was never ready since it started."""
    READY = "ready"
    UNREADY = "unready"
    """Was ready, and is not now."""
    BACKING_OFF = "backing off"
    """Ended, and will be started again after a pause."""
    CRASH_LOOP = "crash loop"
    """As ``BACKING_OFF``, but it ended so often that somebody should look."""
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    name: str
    state: State
    address: str
    pid: int | None = None
    uptime_seconds: float | None = None
    restarts: int = 0
    memory_bytes: int | None = None
    """Resident memory of the process and its children."""
    reason: str = ""
    """Why it is not ready, or why it was last restarted."""
    last_exit: str = ""
    retry_in_seconds: float | None = None

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "ServiceStatus":
        return cls(**{**fields, "state": State(fields["state"])})


@dataclass(frozen=True, slots=True)
class PlatformStatus:
    pid: int
    url: str
    uptime_seconds: float
    stopping: bool
    services: tuple[ServiceStatus, ...]

    @property
    def ready(self) -> bool:
        return all(service.state is State.READY for service in self.services)

    def service(self, name: str) -> ServiceStatus:
        return next(service for service in self.services if service.name == name)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"ready": self.ready}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "PlatformStatus":
        known = {name: value for name, value in fields.items() if name != "ready"}
        services = tuple(ServiceStatus.from_json(service) for service in fields["services"])
        return cls(**{**known, "services": services})
