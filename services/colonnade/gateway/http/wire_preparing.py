"""Loading ahead as JSON."""

from typing import Literal

from pydantic import BaseModel, Field

from colonnade.gateway.domain.engines import Preparation
from colonnade.gateway.http.described import Events
from colonnade.gateway.http.wire_errors import Refusal


class PrepareEvent(BaseModel):
    name: str
    version: int
    digest: str
    state: Literal["loading", "ready"]
    seconds: float = Field(description="Since it was asked for.")
    memory_bytes: int = Field(description="That it takes on its engine; 0 while it is loaded.")

    @classmethod
    def of(cls, step: Preparation) -> "PrepareEvent":
        return cls(
            name=step.target.name,
            version=step.target.version,
            digest=step.target.digest,
            state="ready" if step.loaded else "loading",
            seconds=round(step.seconds, 3),
            memory_bytes=step.loaded.memory_bytes if step.loaded else 0,
        )


class PreparedVersion(PrepareEvent):
    state: Literal["ready"]

    @classmethod
    def of(cls, step: Preparation) -> "PreparedVersion":
        return cls.model_validate(PrepareEvent.of(step).model_dump())


class PreparedVersions(BaseModel):
    versions: list[PreparedVersion] = Field(description="All that the reference means.")


_ONE = {"name": "smollm2", "version": 1, "digest": "sha256:2f9d0c5b..."}
EVENTS = Events(
    PrepareEvent,
    [
        _ONE | {"state": "loading", "seconds": 2.0, "memory_bytes": 0},
        _ONE | {"state": "ready", "seconds": 3.4, "memory_bytes": 271000000},
    ],
    error=Refusal,
)
