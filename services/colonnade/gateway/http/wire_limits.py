"""Limits as JSON."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from colonnade.gateway.domain.fair_use import MAX_PRIORITY, LimitRecord, Quota, left
from colonnade.gateway.domain.limits import Range
from colonnade.gateway.http.strict import Strict
from colonnade.gateway.service.fair_use import Remaining

_COUNT = Range(0, 2**53)
_PRIORITY = Range(-MAX_PRIORITY, MAX_PRIORITY)
_COUNTS = ("requests_per_minute", "tokens_per_minute", "concurrent_requests", "monthly_tokens")


def _limit(description: str, limits: Range = _COUNT) -> Any:
    bounds: dict[str, Any] = {"minimum": limits.low, "maximum": limits.high}
    return Field(default=None, description=description, json_schema_extra=bounds)


class LimitsBody(Strict):
    """0 is no limit; what is left out is as the defaults say."""

    requests_per_minute: int | None = _limit("Requests a minute.")
    tokens_per_minute: int | None = _limit("Tokens a minute, of prompts and answers together.")
    concurrent_requests: int | None = _limit("Requests that run at once.")
    monthly_tokens: int | None = _limit("Tokens a calendar month, in UTC.")
    max_priority: int | None = _limit("Of keys alone: the highest priority of a request.", _PRIORITY)

    def quota(self) -> Quota:
        for name in _COUNTS:
            if (value := getattr(self, name)) is not None:
                _COUNT.check(name, value)
        if self.max_priority is not None:
            _PRIORITY.check("max_priority", self.max_priority)
        return Quota(**dict(self))


class QuotaOut(BaseModel):
    """0 is no limit; null is as the defaults say."""

    requests_per_minute: int | None
    tokens_per_minute: int | None
    concurrent_requests: int | None
    monthly_tokens: int | None
    max_priority: int | None = None


class LimitsOut(QuotaOut):
    kind: str = Field(description="key, tenant or model.")
    tenant: str
    name: str = Field(description="The key's id or the model's name; empty for a tenant.")
    updated_at: datetime
    updated_by: str

    @classmethod
    def of(cls, record: LimitRecord) -> "LimitsOut":
        scope = record.scope
        return cls(
            kind=scope.kind.value,
            tenant=scope.tenant,
            name=scope.name,
            updated_at=record.updated_at,
            updated_by=record.updated_by.removeprefix(f"{scope.tenant}/"),
            **quota_values(record.quota),
        )


class AllLimits(BaseModel):
    defaults: dict[str, QuotaOut] = Field(description="By key, tenant and model.")
    limits: list[LimitsOut] = Field(description="Of those that have limits of their own.")


class LeftOut(BaseModel):
    limit: int
    remaining: int
    reset_seconds: float | None = Field(default=None, description="Until all of it is there again.")


class RemainingOut(BaseModel):
    """What is not limited is null."""

    kind: str
    tenant: str
    name: str
    requests: LeftOut | None
    tokens: LeftOut | None
    concurrent_requests: LeftOut | None
    monthly_tokens: LeftOut | None
    max_priority: int | None

    @classmethod
    def of(cls, found: Remaining) -> "RemainingOut":
        scope, quota, standing = found.scope, found.quota, found.standing
        return cls(
            kind=scope.kind.value,
            tenant=scope.tenant,
            name=scope.name,
            requests=_bucket(quota.requests_per_minute, standing.requests),
            tokens=_bucket(quota.tokens_per_minute, standing.tokens),
            concurrent_requests=_rest(quota.concurrent_requests, standing.running),
            monthly_tokens=_rest(quota.monthly_tokens, found.spent),
            max_priority=quota.max_priority,
        )


class MyLimits(BaseModel):
    limits: list[RemainingOut] = Field(description="Of the key, of its tenant, and of that on the model.")


def quota_values(quota: Quota) -> dict[str, int | None]:
    return {name: getattr(quota, name) for name in (*_COUNTS, "max_priority")}


def _bucket(limit: int | None, level: float) -> LeftOut | None:
    if not limit:
        return None
    found = left(limit, level)
    return LeftOut(limit=limit, remaining=found.remaining, reset_seconds=round(found.reset, 3))


def _rest(limit: int | None, used: int) -> LeftOut | None:
    return LeftOut(limit=limit, remaining=max(0, limit - used)) if limit else None
