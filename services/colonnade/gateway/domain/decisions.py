"""Decisions on record, as the gateway shows them: never the text that they were about."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from colonnade.gateway.domain.guarding import Action, Decision
from colonnade.gateway.domain.policies import NamedPolicy

SummaryBy: TypeAlias = Literal["rule", "action", "day"]


@dataclass(frozen=True, slots=True)
class DecisionFilter:
    """What is empty is not asked for."""

    rule: str = ""
    action: Action | None = None
    route: str = ""
    request_id: str = ""
    since: datetime | None = None
    shadow: bool = False
    """Those of shadows, instead of those that held."""


@dataclass(frozen=True, slots=True)
class KeptDecision:
    id: str
    at: datetime
    request_id: str
    subject: str
    route: str
    scorer: str
    policy: NamedPolicy
    shadow: bool
    decision: Decision


@dataclass(frozen=True, slots=True)
class DecisionPage:
    decisions: tuple[KeptDecision, ...]
    next_page: str


@dataclass(frozen=True, slots=True)
class DecisionCount:
    key: str
    count: int
