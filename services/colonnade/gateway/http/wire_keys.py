"""API keys as JSON."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from colonnade.errors import InvalidArgument
from colonnade.gateway.domain.keys import IssuedKey, KeyOrder, KeyRecord
from colonnade.gateway.domain.limits import Range
from colonnade.gateway.http.moments import moment_of
from colonnade.gateway.http.strict import Strict
from colonnade.security.identity import Role
from colonnade.security.inputs import check_text, subject_name, tenant_name

MAX_GRACE = Range(0, 7 * 86400)
_MAX_NAME_BYTES = 128
RoleName = Literal["admin", "operator", "model_engineer", "caller", "auditor"]


class KeyBody(Strict):
    roles: list[RoleName] = Field(description="What the key may do.")
    tenant: str | None = Field(default=None, description="Default: the caller's own.")
    subject: str | None = Field(
        default=None, description="The one subject that it speaks for. Default: each request's user."
    )
    name: str | None = Field(default=None, description="For people.")
    expires_at: str | None = Field(
        default=None,
        description="When it ends, as in 2030-01-31T12:00:00Z, at most ten years from now. Default: never.",
        json_schema_extra={"format": "date-time"},
    )

    def order(self, own_tenant: str, idempotency_key: str) -> KeyOrder:
        if not self.roles:
            raise InvalidArgument("roles must name at least one role", field="roles", limit=1)
        return KeyOrder(
            tenant=own_tenant if self.tenant is None else tenant_name(self.tenant),
            roles=frozenset(Role(role) for role in self.roles),
            subject=subject_name(self.subject, "subject") if self.subject else "",
            name=check_text(self.name, "name", _MAX_NAME_BYTES, controls="line") if self.name else "",
            expires_at=moment_of(self.expires_at, "expires_at") if self.expires_at else None,
            idempotency_key=idempotency_key,
        )


class RotateBody(Strict):
    grace_seconds: int = Field(
        default=0,
        description="How long the old key still holds.",
        json_schema_extra={"minimum": MAX_GRACE.low, "maximum": MAX_GRACE.high},
    )

    def grace(self) -> int:
        MAX_GRACE.check("grace_seconds", self.grace_seconds)
        return self.grace_seconds


class Key(BaseModel):
    id: str
    tenant: str
    roles: list[str]
    subject: str
    name: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="Up to half a minute late.")
    replaces: str = Field(description="The key that this one was rotated from.")

    @classmethod
    def of(cls, record: KeyRecord) -> "Key":
        return cls(**_values(record))


class NewKey(Key):
    secret: str = Field(description="The whole key, to be sent. It is shown this once.")

    @classmethod
    def issued(cls, issued: IssuedKey) -> "NewKey":
        return cls(secret=issued.secret, **_values(issued.record))


class Keys(BaseModel):
    keys: list[Key]


def _values(record: KeyRecord) -> dict[str, Any]:
    key = record.key
    return {
        "id": key.id,
        "tenant": key.tenant,
        "roles": sorted(role.value for role in key.roles),
        "subject": key.subject,
        "name": key.name,
        "created_at": key.created_at,
        "created_by": record.created_by.removeprefix(f"{key.tenant}/"),
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": record.last_used_at,
        "replaces": record.replaces,
    }
