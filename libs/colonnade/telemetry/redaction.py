"""Keeps secrets out of what is logged, and keeps what is logged small and valid JSON.

Two nets: fields whose *name* says secret are replaced whole; in every other string whatever *looks* like one
of the platform's credentials is cut out. The platform never logs either on purpose; this is for what slips
through an exception's message or a third party's log line.
"""

import math
import re
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any

REDACTED = "[redacted]"
_MAX_TEXT = 16_384
_MAX_ITEMS = 256
_MAX_DEPTH = 12

_SECRET_NAME = re.compile(
    r"authorization|cookie|passw(?:or)?d|passphrase|secret|credential"
    r"|(?:api|private|signing|bootstrap)[-_]?key|(?:^|[-_])(?:token|jwt)$",
    re.IGNORECASE,
)
_SUSPICIOUS = re.compile(r"bearer|basic|ck_|eyj|://|-----begin", re.IGNORECASE)
"""In every text that one of the patterns below matches; most texts have none of it."""
_SECRET_TEXT = (
    (re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{4,}", re.IGNORECASE), rf"\1 {REDACTED}"),
    (re.compile(r"\b(ck_[A-Za-z0-9]{1,64})_[A-Za-z0-9_-]+"), rf"\1_{REDACTED}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"), REDACTED),
    (re.compile(r"(://[^/\s:@]*):[^/\s@]+@"), rf"\1:{REDACTED}@"),
    (
        re.compile(
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
        ),
        REDACTED,
    ),
)


def redact_text(text: str) -> str:
    """``text`` without API keys, tokens, passwords in addresses or private keys, and at most 16 KiB long."""
    if len(text) > _MAX_TEXT:
        text = f"{text[:_MAX_TEXT]}... ({len(text)} characters)"
    if _SUSPICIOUS.search(text):
        for pattern, replacement in _SECRET_TEXT:
            text = pattern.sub(replacement, text)
    return text


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """The structlog processor: the event with secrets replaced, every value made of plain JSON types."""
    return {str(name): _field(str(name), value, 0) for name, value in event.items()}


def _field(name: str, value: Any, depth: int) -> Any:
    if _says_secret(name) and value not in (None, "", b""):
        return REDACTED
    return _plain(value, depth)


@lru_cache(maxsize=1024)
def _says_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def _plain(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return redact_text(value)
    if depth < _MAX_DEPTH:
        if isinstance(value, Mapping):
            few = list(value.items())[:_MAX_ITEMS]
            return {str(name): _field(str(name), item, depth + 1) for name, item in few}
        if isinstance(value, list | tuple | set | frozenset):
            return [_plain(item, depth + 1) for item in list(value)[:_MAX_ITEMS]]
    return redact_text(_described(value))


def _described(value: Any) -> str:
    try:
        return repr(value)
    except Exception:
        return f"<{type(value).__name__}>"
