"""Erasures as JSON."""

import json
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from colonnade.gateway.domain import erasures as domain
from colonnade.gateway.http.strict import Strict
from colonnade.security.inputs import check_text, subject_name, tenant_name

_WHY_BYTES = 1000


class EraseBody(Strict):
    why: str | None = Field(default=None, description="Is kept; it must not name the subject.")
    tenant: str | None = Field(default=None, description="Of admins of the installation. Default: one's own.")

    def new(self, subject: str, key: str) -> domain.NewErasure:
        return domain.NewErasure(
            subject_name(subject, "id"),
            check_text(self.why or "", "why", _WHY_BYTES, allow_empty=True),
            tenant_name(self.tenant) if self.tenant else "",
            key,
        )


class ErasureStepOut(BaseModel):
    service: str
    round: int = Field(description="1 or 2: each service is asked twice.")
    done_at: datetime | None = Field(description="null: not yet.")
    tries: int
    reason: str = Field(description="Why the last try was in vain.")
    removed: dict[str, int] = Field(description="By store.")


class AffectedOut(BaseModel):
    """A version that was made from what the subject gave: a person decides what becomes of it."""

    model: str
    version: str = Field(description="Empty: every version of the model.")
    why: str


class ErasureOut(BaseModel):
    id: str
    state: Literal["running", "done"]
    tenant: str
    subject_mark: str = Field(description="Stands for the subject, who is named nowhere.")
    why: str
    asked_by: str = Field(
        description="admin, subject, or restored: something older than an erasure was found."
    )
    began_at: datetime
    ended_at: datetime | None
    steps: list[ErasureStepOut]
    affected: list[AffectedOut]
    receipt: dict[str, Any] | None = Field(description="Signed: a DSSE envelope; null while it goes on.")

    @classmethod
    def of(cls, erasure: domain.Erasure) -> "ErasureOut":
        return cls(
            id=erasure.id,
            state="done" if erasure.ended_at else "running",
            tenant=erasure.tenant,
            subject_mark=erasure.mark,
            why=erasure.why,
            asked_by=erasure.asked_by,
            began_at=erasure.began_at,
            ended_at=erasure.ended_at,
            steps=[
                ErasureStepOut(
                    service=step.service, round=step.round, done_at=step.done_at, tries=step.tries,
                    reason=step.reason, removed=dict(step.removed),
                )
                for step in erasure.steps
            ],
            affected=[
                AffectedOut(model=each.model, version=each.version, why=each.why) for each in erasure.affected
            ],
            receipt=json.loads(erasure.receipt) if erasure.receipt else None,
        )  # fmt: skip


class Erasures(BaseModel):
    erasures: list[ErasureOut]
    next_page_token: str = Field(description="Empty: no more.")


class ReceiptKey(BaseModel):
    public_key: str = Field(description="PEM.")
