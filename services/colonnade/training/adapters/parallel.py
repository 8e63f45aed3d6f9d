"""How many processes a run has: as its recipe's section ``parallel`` says, within the cluster's limits."""

from dataclasses import dataclass
from typing import Any

import yaml

from colonnade.errors import InvalidArgument
from colonnade.supervise.replicas import Replicas


@dataclass(frozen=True, slots=True)
class Processes:
    least: int
    most: int
    each: int
    """They come in multiples of it: a copy of the model is spread over so many."""

    @property
    def range(self) -> int | tuple[int, int]:
        """As Ray Train has it."""
        return self.most if self.least == self.most else (self.least, self.most)


def processes_of(recipe: str, limits: Replicas) -> Processes:
    """Raises ``InvalidArgument``. What is wrong with the section itself is the worker's to say."""
    said = _section(recipe)
    each = _number(said, "shards") * _number(said, "tensor")
    if "replicas" in said:
        wanted = _number(said, "replicas") * each
        _check(wanted, limits.most)
        return Processes(wanted, wanted, each)
    _check(each, limits.most)
    most = limits.most - limits.most % each
    least = -(-limits.least // each) * each
    return Processes(min(least, most), most, each)


def _section(recipe: str) -> dict[str, Any]:
    said = yaml.safe_load(recipe)
    section = said.get("parallel") if isinstance(said, dict) else None
    return (
        {key: value for key, value in section.items() if value is not None}
        if isinstance(section, dict)
        else {}
    )


def _number(said: dict[str, Any], field: str) -> int:
    value = said.get(field, 1)
    return value if isinstance(value, int) and value >= 1 else 1


def _check(wanted: int, most: int) -> None:
    if wanted > most:
        raise InvalidArgument(
            f"parallel: the run wants {wanted} processes, and one may have {most} here; make it less, or"
            " COLONNADE_TRAINING_WORKERS more",
            field="parallel",
            limit=most,
        )
