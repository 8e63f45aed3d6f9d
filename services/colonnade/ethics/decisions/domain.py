"""Decisions on record, and kept traffic. Pure."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from colonnade.ethics.domain.decision import Decision
from colonnade.ethics.domain.finding import Side
from colonnade.ethics.domain.policy import Action


@dataclass(frozen=True, slots=True)
class Request:
    """Whose text was screened, and since when."""

    tenant: str
    subject: str
    request_id: str
    route: str
    began: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """A decision. ``shadow``: of a policy that decides nothing."""

    id: str
    at: datetime
    request: Request
    side: Side
    decision: Decision
    policy: str
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """A text as it was sent."""

    id: str
    at: datetime
    request: Request
    side: Side
    text: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which decisions; what is empty is not asked for."""

    rule: str = ""
    action: Action | None = None
    route: str = ""
    request_id: str = ""
    since: datetime | None = None
    shadow: bool = False


class By(StrEnum):
    RULE = "rule"
    ACTION = "action"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Held:
    """Of whom something is on record, and since when."""

    tenant: str
    subject: str
    since: datetime


def new_id(prefix: str, at: datetime) -> str:
    """Ids grow with time."""
    return f"{prefix}_{int(at.timestamp() * 1_000_000):016x}{uuid.uuid4().hex[:12]}"


def digest_of(tenant: str, subject: str) -> str:
    """Stands for somebody who was erased."""
    return hashlib.sha256(f"{tenant}\0{subject}".encode()).hexdigest()
