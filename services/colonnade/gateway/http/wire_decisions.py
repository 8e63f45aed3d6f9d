"""Decisions on record as JSON."""

from datetime import datetime

from pydantic import BaseModel, Field

from colonnade.gateway.domain import decisions as domain
from colonnade.gateway.http.wire_assignments import NamedPolicyOut
from colonnade.gateway.http.wire_guard import GuardSpan
from colonnade.gateway.http.wire_policies import Action, Side


class DecisionOut(BaseModel):
    """Never has the text that it is about."""

    id: str
    at: datetime
    request_id: str
    subject: str
    route: str
    side: Side
    rule: str
    category: str
    scorer: str
    span: GuardSpan = Field(description="In characters of what was screened on that side.")
    score: float
    action: Action
    policy: NamedPolicyOut
    explanation: str
    shadow: bool = Field(description="It was recorded, and decided nothing.")

    @classmethod
    def of(cls, kept: domain.KeptDecision) -> "DecisionOut":
        made = kept.decision
        return cls(
            id=kept.id,
            at=kept.at,
            request_id=kept.request_id,
            subject=kept.subject,
            route=kept.route,
            side=made.side,
            rule=made.rule,
            category=made.category,
            scorer=kept.scorer,
            span=GuardSpan(start=made.start, end=made.end),
            score=made.score,
            action=made.action,
            policy=NamedPolicyOut.of(kept.policy),
            explanation=made.explanation,
            shadow=kept.shadow,
        )


class DecisionList(BaseModel):
    decisions: list[DecisionOut] = Field(description="Newest first.")
    next_page_token: str = Field(description="Empty on the last page.")


class CountOut(BaseModel):
    key: str = Field(description="A rule, an action, or a day of UTC as 2030-01-31.")
    count: int


class DecisionSummary(BaseModel):
    counts: list[CountOut] = Field(description="Most first; days from the first to the last.")
