"""Everything that the next step of a run depends on, at one moment."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from torch import Tensor

from colonnade.errors import InvalidArgument
from colonnade.security.inputs import JsonLimits, parse_json

Json: TypeAlias = Any
"""None, bool, int, float, str, or a list or dict (with texts as keys) of the same."""

LIMITS = JsonLimits(max_bytes=64 << 20, max_depth=32, max_nodes=4_000_000)
"""Of what a checkpoint says besides its tensors."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run between two steps. ``step`` counts the steps that are done."""

    step: int
    epoch: float
    tensors: Mapping[str, Tensor]
    """By flat names: ``model/<name>``, ``optimiser/<parameter>/<key>``, ``average/<name>`` ..."""
    facts: Mapping[str, Json] = field(default_factory=dict)
    """``recipe``, ``schedule``, ``scaler``, ``metrics``, ``random``, ``machine``, ``optimiser`` ..."""

    def group(self, name: str) -> dict[str, Tensor]:
        """The tensors under ``name/``, by the rest of their names."""
        head = f"{name}/"
        return {own.removeprefix(head): value for own, value in self.tensors.items() if own.startswith(head)}


def plain(facts: Mapping[str, Json], field: str = "facts") -> dict[str, Json]:
    """A deep copy that is equal once it was written and read, but that tuples become lists.

    Raises ``InvalidArgument`` for what JSON does not hold (NaN, a tensor, a key that is no text, an integer
    beyond 64 bits), naming where it is.
    """
    _check_keys(facts, field)
    try:
        text = json.dumps(facts, default=_mapping)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgument(
            f"{field} must be made of None, bool, numbers, texts, lists and dicts ({error}); "
            "a number of torch or numpy becomes one by .item()",
            field=field,
        ) from None
    read: dict[str, Json] = parse_json(text.encode(), LIMITS, field)
    return read


def _mapping(value: object) -> dict[str, Json]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"found a {type(value).__name__}")


def _check_keys(value: object, where: str) -> None:
    """JSON would make a text of any other key, and then it is another key."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise InvalidArgument(f"{where} has the key {str(key)[:80]}; keys must be texts", field=where)
            _check_keys(item, f"{where}.{key}"[:200])
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            _check_keys(item, f"{where}[{place}]"[:200])
