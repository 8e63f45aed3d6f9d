"""Configurations that come with a model: plain data of bounded size, and nothing that names code to run."""

import math
import re
from collections.abc import Collection, Mapping
from typing import Any

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.security.inputs.sizes import KIB, check_count
from colonnade.security.inputs.texts import check_text

MAX_TEXT_BYTES = 256 * KIB
"""Chat templates are the longest strings of a configuration."""
MAX_KEY_BYTES = 1024
MAX_ENTRIES = 100_000
MAX_DEPTH = 16

_CODE_KEYS = frozenset(
    {
        "auto_map", "trust_remote_code", "custom_pipelines", "custom_code", "custom_ops", "code_revision",
        "remote_code", "class_path", "module_path", "import_path", "entry_point", "entrypoint", "py/object",
        "py/type", "py/reduce", "_target_", "_partial_", "_convert_", "exec", "eval", "command", "script",
        "pickle",
    }
)  # fmt: skip
_DUNDER = re.compile(r"__\w*__")
_YAML_TAG = re.compile(r"!!?python\b")


def sanitise_config(
    config: object, *, field: str = "config", keep: Collection[str] | None = None
) -> dict[str, Any]:
    """A deep copy of ``config`` made of None, bool, int, float, str, list and dict alone.

    ``keep`` names the top-level keys that the caller knows; others are dropped, after they were checked.
    Refuses, at any depth, keys that make loaders run code (``auto_map``, ``trust_remote_code``, ``_target_``
    ...), numbers that are not finite, other types, and more than the limits of this module. Not meant for
    ``tokenizer.json``, whose vocabulary may have any key.
    """
    if not isinstance(config, Mapping):
        raise InvalidArgument(f"{field} must be an object", field=field)
    clean: dict[str, Any] = _Cleaner(field).value(config, field, 0)
    return clean if keep is None else {name: value for name, value in clean.items() if name in keep}


class _Cleaner:
    """Counts entries over the whole document."""

    def __init__(self, field: str) -> None:
        self._field = field
        self._entries = 0

    def value(self, value: object, where: str, depth: int) -> Any:
        """``where`` names the place in errors; keys are shown only once they were checked."""
        if value is None or type(value) is bool:
            return value
        if type(value) in (int, float):
            return _number(value, where)
        if type(value) is str:
            return check_text(value, where, MAX_TEXT_BYTES, allow_empty=True)
        if isinstance(value, Mapping) or type(value) in (list, tuple):
            return self._container(value, where, depth)
        raise InvalidArgument(f"{where} has a type that a configuration cannot have", field=where)

    def _container(self, value: Any, where: str, depth: int) -> Any:
        if depth >= MAX_DEPTH:
            raise InvalidArgument(f"{where} is nested deeper than {MAX_DEPTH}", field=where, limit=MAX_DEPTH)
        self._entries += len(value)
        check_count(self._entries, MAX_ENTRIES, self._field)
        if isinstance(value, Mapping):
            checked = {_key(key, where): item for key, item in value.items()}
            return {key: self.value(item, f"{where}.{key}"[:200], depth + 1) for key, item in checked.items()}
        return [self.value(item, f"{where}[{place}]", depth + 1) for place, item in enumerate(value)]


def _number(value: Any, where: str) -> int | float:
    holds = math.isfinite(value) if type(value) is float else -(2**63) <= value < 2**64
    if not holds:
        raise InvalidArgument(f"{where} must be a number that 64 bits hold", field=where)
    number: int | float = value
    return number


def _key(key: object, where: str) -> str:
    name = check_text(key, f"a key of {where}", MAX_KEY_BYTES, allow_empty=True)
    plain = name.strip().lower().replace("-", "_")
    if plain in _CODE_KEYS or _DUNDER.fullmatch(plain) or _YAML_TAG.match(plain):
        raise Unsupported(
            f"{where} has the key {plain!r}: models that bring code of their own are not loaded; "
            "use one of a supported architecture",
            field=where,
        )
    return name
