"""A configuration as it is written, taken apart field by field; whatever is left at the end is unknown."""

from collections.abc import Mapping
from typing import Any

from colonnade.errors import InvalidArgument

MISSING: Any = object()
AUTO = "auto"
"""Hugging Face's word for: whoever runs it says."""


class Document:
    """Fields by their path, like ``fp16.loss_scale_window``."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        self._left = dict(_flat(said, ""))

    def take(self, field: str, default: Any = MISSING) -> Any:
        """What it says, once; ``default`` where it is silent or leaves it to others."""
        value = self._left.pop(field, default)
        return default if value == AUTO else value

    def leaves(self, field: str) -> bool:
        """Whether it leaves the field to others, aloud."""
        return bool(self._left.get(field) == AUTO)

    def number(self, field: str, default: Any = None, *, least: float = 0) -> Any:
        """An int or a float of at least ``least``."""
        value = self.take(field, default)
        if value is default:
            return value
        if isinstance(value, bool) or not isinstance(value, int | float) or not value >= least:
            raise refused(field, value, f"write a number of at least {least:g}")
        return value

    def count(self, field: str, default: int | None = None, *, least: int = 0) -> int | None:
        """A whole number, which JSON may write as 1e9."""
        value = self.number(field, default, least=least)
        if value is not None and value != int(value):
            raise refused(field, value, "write a whole number")
        return None if value is None else int(value)

    def truth(self, field: str, default: bool = False) -> bool:
        value = self.take(field, default)
        if not isinstance(value, bool):
            raise refused(field, value, "write true or false")
        return value

    def section(self, name: str) -> bool:
        """Whether there is something below ``name``."""
        return any(field.startswith(f"{name}.") for field in self._left)

    def below(self, name: str) -> dict[str, Any]:
        """What is left below ``name``, by what comes after it; it stays."""
        return {
            field.removeprefix(f"{name}."): value
            for field, value in self._left.items()
            if field.startswith(f"{name}.")
        }

    @property
    def left(self) -> Mapping[str, Any]:
        return self._left


def refused(field: str, value: Any, remedy: str) -> InvalidArgument:
    return InvalidArgument(f"DeepSpeed configuration: {field} is {str(value)[:80]}; {remedy}", field=field)


def _flat(said: Mapping[str, Any], above: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in said.items():
        field = f"{above}{name}"
        if isinstance(value, Mapping) and value:
            found |= _flat(value, f"{field}.")
        else:
            found[field] = value
    return found
