"""One audit record: its fields, its one canonical form, its hash."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from colonnade.errors import InvalidArgument, TooLarge

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
MAX_RECORD_BYTES = 64 * 1024
"""A record, with its line break."""
_FIELDS = {
    "seq": int, "time": str, "writer": str, "action": str, "tenant": str, "subject": str, "outcome": str,
    "facts": dict, "prev": str, "hash": str,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Head:
    """The last record of a chain: enough to tell later whether that chain was cut or rewritten."""

    seq: int
    hash: str

    @classmethod
    def before_first(cls, writer: str) -> "Head":
        """What the first record of ``writer`` points to."""
        return cls(0, hashlib.sha256(f"colonnade.audit/1:{writer}".encode()).hexdigest())


@dataclass(frozen=True, slots=True)
class Record:
    """``seq`` counts from 1; ``prev`` is the hash of the record before; ``hash`` covers all other fields."""

    seq: int
    time: str
    writer: str
    action: str
    tenant: str
    subject: str
    outcome: str
    facts: Mapping[str, Any]
    prev: str
    hash: str

    @property
    def head(self) -> Head:
        return Head(self.seq, self.hash)

    def line(self) -> bytes:
        """The record as it stands in the file. Raises ``TooLarge``."""
        line = canonical(self._fields() | {"hash": self.hash}) + b"\n"
        if len(line) > MAX_RECORD_BYTES:
            raise TooLarge(
                f"an audit record is longer than {MAX_RECORD_BYTES} bytes",
                field="facts",
                limit=MAX_RECORD_BYTES,
            )
        return line

    def is_whole(self) -> bool:
        """Whether ``hash`` is the hash of the other fields."""
        return self.hash == digest(self._fields())

    def _fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _FIELDS if name != "hash"}


def make(after: Head, **fields: Any) -> Record:
    """The record that follows ``after``. Raises ``InvalidArgument`` for facts that are not plain data."""
    body: dict[str, Any] = {"seq": after.seq + 1, "prev": after.hash} | fields
    check_facts(body["facts"])
    return Record(**body, hash=digest(body))


def parse(line: bytes) -> Record | None:
    """The record on a line (without its line break); None where it is not in canonical form."""
    try:
        fields = json.loads(line)
        if not isinstance(fields, dict) or canonical(fields) != line:
            return None
    except (ValueError, RecursionError):
        return None
    if fields.keys() != _FIELDS.keys():
        return None
    if not all(type(fields[name]) is kind for name, kind in _FIELDS.items()):
        return None
    return Record(**fields)


def canonical(fields: Mapping[str, Any]) -> bytes:
    """Sorted keys, no spaces, ASCII: one form for equal content."""
    return _ENCODER.encode(dict(fields)).encode()


def digest(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical(fields)).hexdigest()


def check_facts(value: object, where: str = "facts", depth: int = 0) -> None:
    """Only what JSON gives back as it was: a tuple or a number as a key would change the hash on reading."""
    if depth > 8:
        raise InvalidArgument("facts are nested deeper than 8", field="facts", limit=8)
    if value is None or type(value) in (bool, int, str):
        return
    if type(value) is float and value - value == 0:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            if type(key) is not str:
                raise InvalidArgument(f"the keys of {where} must be strings", field="facts")
            check_facts(item, f"{where}.{key}", depth + 1)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            check_facts(item, f"{where}[{place}]", depth + 1)
    else:
        raise InvalidArgument(f"{where} must be plain JSON data", field="facts")
