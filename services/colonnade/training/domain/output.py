"""What becomes of a run's weights: the version that they are registered as, and those that they came from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Output:
    """What a recipe says of its version."""

    register: bool = False
    model: str = ""
    """The model of the registry that gets the version."""
    alias: str = ""
    """Moved to the version once it is there; with a rollout, the alias that the rollout is of."""
    rollout: str = ""
    """The policy of the rollout that is begun; empty for none."""
    adapter: bool = False
    """What is registered is an adapter, and belongs to the version of ``model.from``."""
    description: str = ""
    """The recipe's."""


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A version of the registry."""

    model: str
    number: int
    digest: str

    def __str__(self) -> str:
        return f"{self.model}:{self.number}"
