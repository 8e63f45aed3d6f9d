"""The names that the platform gives and takes: one pattern each, always matched whole."""

import re
from collections.abc import Callable

from colonnade.errors import InvalidArgument
from colonnade.security.inputs.texts import check_text

_LOWER = "lower-case letters, digits, '.', '_' and '-', beginning with a letter or digit"


def _checker(pattern: str, max_bytes: int, rule: str, default_field: str) -> Callable[..., str]:
    compiled = re.compile(pattern, re.ASCII)

    def check(value: object, field: str = default_field) -> str:
        if isinstance(value, str) and len(value) <= max_bytes and compiled.fullmatch(value):
            return value
        raise InvalidArgument(
            f"{field} must be {rule} (at most {max_bytes} characters)", field=field, limit=max_bytes
        )

    check.__doc__ = f"``value``, when it is {rule}; at most {max_bytes} characters."
    return check


model_name = _checker(r"[a-z0-9][a-z0-9._-]*", 128, _LOWER, "name")
alias_name = _checker(
    r"[a-z][a-z0-9_-]*", 64, "lower-case letters, digits, '_' and '-', beginning with a letter", "alias"
)
tenant_name = _checker(r"[a-z0-9][a-z0-9._-]*", 64, _LOWER, "tenant")
request_id = _checker(
    r"[A-Za-z0-9][A-Za-z0-9._:-]*", 128, "letters, digits, '.', '_', ':' and '-'", "x-request-id"
)
idempotency_key = _checker(
    r"[A-Za-z0-9][A-Za-z0-9._:-]*", 128, "letters, digits, '.', '_', ':' and '-'", "idempotency-key"
)
digest = _checker(r"sha256:[0-9a-f]{64}", 71, "'sha256:' and 64 hexadecimal digits", "digest")
size_label = _checker(
    r"[0-9]{1,6}(\.[0-9]{1,3})?[KMBT]", 16, "a number and K, M, B or T, like 7B", "model_size"
)
model_reference = _checker(
    r"[a-z0-9][a-z0-9._-]{0,127}(@[a-z][a-z0-9_-]{0,63}|:[1-9][0-9]{0,17})?",
    256,
    "name, name@alias or name:version",
    "model",
)


def subject_name(value: object, field: str = "user") -> str:
    """``value``, when it is one line of at most 256 bytes: an e-mail address, an id, anything."""
    text = check_text(value, field, 256, controls="line")
    if text != text.strip():
        raise InvalidArgument(f"{field} must not begin or end with a space", field=field)
    return text
