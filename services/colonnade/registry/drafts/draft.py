"""A draft: a version's number, what it will be made of, and how far that is.

    open ----> importing ----> ready
      ^          |    ^
      +- failed <-+   waiting   (with a source: waiting at first, and again after a restart)

``discarded`` is what every state but ready may become. A draft's number is never given again.
"""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import PurePosixPath

from colonnade.errors import InvalidArgument
from colonnade.security.inputs import (
    alias_name,
    check_text,
    idempotency_key,
    model_name,
    model_reference,
    relative_artefact_path,
)
from colonnade.security.inputs import digest as check_digest
from colonnade.security.inputs.catalogue import MAX_DESCRIPTION_BYTES, MAX_SOURCE_BYTES
from colonnade.security.inputs.once import Once
from colonnade.security.inputs.paths import ARTEFACT_SUFFIXES

UPLOADABLE = ARTEFACT_SUFFIXES | {".gguf"}
UPLOAD = "upload:"
"""What stands before ``model:number`` where the source of a version is what was uploaded to its draft."""


class State(StrEnum):
    OPEN = "open"
    WAITING = "waiting"
    IMPORTING = "importing"
    READY = "ready"
    FAILED = "failed"
    DISCARDED = "discarded"


ACTIVE = frozenset({State.OPEN, State.WAITING, State.IMPORTING, State.FAILED})
WRITABLE = frozenset({State.OPEN, State.FAILED})


@dataclass(frozen=True, slots=True, order=True)
class DraftFile:
    path: str
    size_bytes: int
    digest: str
    held: bool = False
    """Whether the blob store has it; else it is uploaded."""

    def check(self) -> None:
        relative_artefact_path(self.path, "path", UPLOADABLE)
        check_digest(self.digest, "digest")
        if self.size_bytes < 1:
            raise InvalidArgument("a file of a model is not empty", field="size_bytes", limit=1)


def check_apart(paths: Collection[str]) -> None:
    """``InvalidArgument`` where one file would be the folder of another."""
    files = set(paths)
    for path in files:
        for folder in map(str, PurePosixPath(path).parents):
            if folder in files:
                raise InvalidArgument(
                    f"{folder} cannot be a file and the folder of {path}; name one of them otherwise",
                    field="path",
                )


@dataclass(frozen=True, slots=True)
class BeginOrder:
    model: str
    description: str = ""
    alias: str = ""
    base: str = ""
    source: str = ""
    idempotency_key: str = ""

    def check(self) -> None:
        model_name(self.model)
        check_text(self.description, "description", MAX_DESCRIPTION_BYTES, allow_empty=True, controls="text")
        check_text(self.source, "source", MAX_SOURCE_BYTES, allow_empty=True, controls="line")
        if self.alias:
            alias_name(self.alias)
        if self.base:
            model_reference(self.base, "base")
        if self.idempotency_key:
            idempotency_key(self.idempotency_key, "idempotency_key")

    def once(self, owner: str) -> Once | None:
        if not self.idempotency_key:
            return None
        facts = json.dumps([self.model, self.description, self.alias, self.base, self.source])
        return Once(owner, self.idempotency_key, hashlib.sha256(facts.encode()).hexdigest())


@dataclass(frozen=True, slots=True)
class VersionDraft:
    model: str
    number: int
    room: str
    """Where its uploads wait: the same when its model is renamed."""
    state: State
    message: str
    source: str
    alias: str
    base: str
    description: str
    files: tuple[DraftFile, ...]
    """Sorted by path."""
    created_at: datetime
    created_by: str
    updated_at: datetime
    version: int = 0
    """When ready: its own number, or that of the version with equal content."""

    @property
    def label(self) -> str:
        return f"{self.model}:{self.number}"

    @property
    def tenant(self) -> str:
        return self.created_by.partition("/")[0]

    @property
    def import_source(self) -> str:
        return self.source or f"{UPLOAD}{self.label}"

    def file(self, path: str) -> DraftFile | None:
        return next((file for file in self.files if file.path == path), None)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may be uploaded, and how long it is kept."""

    draft_bytes: int = 512 * 1024**3
    spool_bytes: int = 1024**4
    """Of all drafts."""
    drafts: int = 1000
    """That are neither ready nor discarded."""
    days: float = 7
    """After which a draft that nobody touched is discarded."""
