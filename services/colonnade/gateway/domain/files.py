"""Files that tenants keep at the gateway: what is known of each; the contents are elsewhere."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Purpose(StrEnum):
    BATCH = "batch"
    """Lines that a batch is to answer."""
    BATCH_OUTPUT = "batch_output"
    """What became of them; made by the gateway."""


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file. It belongs to the tenant; subject and key say who made it."""

    id: str
    tenant: str
    subject: str
    key_id: str
    filename: str
    purpose: Purpose
    size_bytes: int
    digest: str
    """SHA-256 of the contents, in hexadecimal."""
    created_at: datetime
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Part of what a tenant has, by the time it was made."""

    limit: int
    after: str = ""
    """The id that the page before ended with."""
    newest_first: bool = True
    purpose: Purpose | None = None
    """Of files alone."""
