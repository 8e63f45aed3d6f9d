"""The list that makes a backup one: what it holds, by digest, and its own digest. It is written last.

A place holds ``sha256/...``, the blobs of all its backups, and ``backups/<name>/``: tables and their list.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from colonnade.errors import Conflict, Unsupported
from colonnade.security.inputs import digest as check_digest

FORMAT = 1
LIST = "backup.json"
FOLDER = "backups"
_NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z")
_TABLE = re.compile(r"[a-z][a-z_]{0,62}")


class Damaged(Conflict):
    """A part of a backup is not what its list says."""


@dataclass(frozen=True, slots=True)
class Table:
    """``digest`` is that of the file."""

    name: str
    rows: int
    digest: str

    @property
    def file(self) -> str:
        return f"{self.name}.jsonl.gz"


@dataclass(frozen=True, slots=True)
class BackupList:
    name: str
    at: datetime
    schema: str
    tables: tuple[Table, ...]
    blobs: tuple[str, ...]

    @property
    def digest(self) -> str:
        return _digest(self._facts())

    def path(self, file: str) -> str:
        return f"{FOLDER}/{self.name}/{file}"

    def to_bytes(self) -> bytes:
        return json.dumps({**self._facts(), "digest": self.digest}, indent=1).encode()

    @classmethod
    def parse(cls, content: bytes, name: str) -> Self:
        """Raises ``Damaged``, and ``Unsupported`` for a format of a newer release."""
        facts = _read(content, name)
        if facts.get("format") != FORMAT:
            raise Unsupported(
                f"the backup {name} has the format {facts.get('format')!r}; this release reads {FORMAT}: "
                "restore it with the release that made it, or a newer one"
            )
        said = facts.pop("digest", "")
        if said != _digest(facts):
            raise Damaged(f"{LIST} of the backup {name} is damaged: its digest differs", part=LIST)
        facts.pop("format")
        try:
            found = TypeAdapter(cls).validate_python(facts)
            for digest in (*found.blobs, *(table.digest for table in found.tables)):
                check_digest(digest)
        except (ValidationError, Conflict, ValueError) as error:
            raise Damaged(
                f"{LIST} of the backup {name} is damaged: {type(error).__name__}", part=LIST
            ) from None
        if found.name != name or not all(_TABLE.fullmatch(table.name) for table in found.tables):
            raise Damaged(f"{LIST} of the backup {name} is that of another", part=LIST)
        return found

    def _facts(self) -> dict[str, Any]:
        return {"format": FORMAT, **asdict(self), "at": self.at.isoformat()}


def name_of(at: datetime) -> str:
    """Sorts by age."""
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")


def is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def _read(content: bytes, name: str) -> dict[str, Any]:
    try:
        facts = json.loads(content)
    except ValueError:
        facts = None
    if not isinstance(facts, dict):
        raise Damaged(f"{LIST} of the backup {name} is damaged: it is no JSON", part=LIST)
    return facts


def _digest(facts: Mapping[str, Any]) -> str:
    canonical = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"
