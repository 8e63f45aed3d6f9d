"""How a run is spread over processes. None of it changes what is learnt, but for rounding."""

from dataclasses import dataclass

from pydantic import Field

from colonnade.errors import InvalidArgument
from colonnade.learn.fields import SettingsModel


class ParallelSettings(SettingsModel):
    """One process learns alone; replicas x shards x tensor processes learn together."""

    replicas: int | None = Field(
        default=None,
        ge=1,
        le=1 << 16,
        description="Copies of the model, each with its part of the rows; as many as there are processes for,"
        " where left out.",
    )
    shards: int = Field(
        default=1,
        ge=1,
        le=1 << 16,
        description="Parts that a copy's weights, gradients and optimiser are cut into; each has rows of its"
        " own.",
    )
    tensor: int = Field(
        default=1,
        ge=1,
        le=1 << 10,
        description="Processes that split each block's matrix products; they share their rows.",
    )

    @property
    def processes(self) -> int:
        """How many are started where nobody says."""
        return (self.replicas or 1) * self.shards * self.tensor


@dataclass(frozen=True, slots=True)
class Layout:
    """Process r is copy r // (shards tensor), shard r // tensor % shards and part r % tensor of products."""

    replicas: int = 1
    shards: int = 1
    tensor: int = 1

    @classmethod
    def of(cls, settings: ParallelSettings, world: int) -> "Layout":
        """For ``world`` processes. Raises ``InvalidArgument`` where they do not fit."""
        inner = settings.shards * settings.tensor
        replicas = world // inner if settings.replicas is None else settings.replicas
        if replicas * inner != world:
            raise InvalidArgument(
                f"parallel: {settings.shards} shards x {settings.tensor} tensor"
                + ("" if settings.replicas is None else f" x {settings.replicas} replicas")
                + f" do not make {world} processes; start {max(1, replicas) * inner}, or change the section",
                field="parallel",
                limit=world,
            )
        return cls(replicas, settings.shards, settings.tensor)

    @property
    def world(self) -> int:
        return self.replicas * self.shards * self.tensor

    @property
    def parts(self) -> int:
        """How many have rows of their own."""
        return self.replicas * self.shards

    def part(self, rank: int) -> int:
        return rank // self.tensor

    def passes(self, accumulate: int) -> int:
        """How many forward passes a process makes for a step that one process makes in ``accumulate``: each
        of as many rows at most, and together of the same rows."""
        return accumulate // max(
            each for each in range(1, accumulate + 1) if accumulate % each == 0 and each <= self.parts
        )

    def __str__(self) -> str:
        sizes = {"replicas": self.replicas, "shards": self.shards, "tensor": self.tensor}
        said = " x ".join(f"{size} {name}" for name, size in sizes.items() if size > 1)
        return said or "1 process"
