"""Which policy judges on which route, as JSON."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from colonnade.gateway.domain import policies as domain
from colonnade.gateway.domain.limits import Range
from colonnade.gateway.http.strict import Strict
from colonnade.security.inputs import check_text

ROUTE_BYTES, _NAME_BYTES, _VERSION_BYTES, _WHY_BYTES = 128, 64, 128, 1000
_SHARE, _REVISION = Range(0, 100), Range(0, 2**63 - 1)


class _ChangeBody(Strict):
    route: str = Field(description='As /generate; "*": every route that has no assignment of its own.')
    why: str | None = Field(default=None, description="Is kept and audited.")
    expected_revision: int | None = Field(
        default=None,
        description="Refused where the route is at another one; 0: nothing was assigned yet.",
        json_schema_extra={"minimum": _REVISION.low},
    )

    def checked(self) -> dict[str, Any]:
        if self.expected_revision is not None:
            _REVISION.check("expected_revision", self.expected_revision)
        return {
            "route": check_text(self.route, "route", ROUTE_BYTES, controls="line"),
            "why": check_text(self.why or "", "why", _WHY_BYTES, allow_empty=True),
        }


class AssignBody(_ChangeBody):
    name: str = Field(description="The policy's.")
    version: str | None = Field(default=None, description="Default: the latest.")
    share: int | None = Field(
        default=None,
        description="Percent of the requests that it is to judge; less than 100 makes it a candidate beside "
        "what was, 0 ends it. Default: 100.",
        json_schema_extra={"minimum": _SHARE.low, "maximum": _SHARE.high},
    )
    shadow: bool | None = Field(
        default=None, description="It judges too, is recorded, and decides nothing; with share 0 it ends."
    )

    def new(self) -> domain.NewAssignment:
        if self.share is not None:
            _SHARE.check("share", self.share)
        return domain.NewAssignment(
            **self.checked(),
            name=check_text(self.name, "name", _NAME_BYTES, controls="line"),
            version=check_text(
                self.version or "", "version", _VERSION_BYTES, allow_empty=True, controls="line"
            ),
            share=100 if self.share is None else self.share,
            shadow=bool(self.shadow),
            expected_revision=self.expected_revision,
        )


class TakeBackBody(_ChangeBody):
    """Of a route."""


class NamedPolicyOut(BaseModel):
    name: str
    version: str

    @classmethod
    def of(cls, told: domain.NamedPolicy) -> "NamedPolicyOut":
        return cls(name=told.name, version=told.version)


class ArmCountsOut(BaseModel):
    requests: int
    refused: int


class AssignmentOut(BaseModel):
    route: str
    policy: NamedPolicyOut | None = Field(
        description='null: that of "*", else the default policy, which holds where nothing is assigned.'
    )
    candidate: NamedPolicyOut | None
    share: int = Field(description="Percent of the requests that the candidate judges.")
    shadow: NamedPolicyOut | None
    revision: int = Field(description="Grows by one with each change.")
    at: datetime
    by: str
    why: str
    stable_counts: ArmCountsOut | None = Field(
        description="In lists, while there is a candidate: since it came."
    )
    candidate_counts: ArmCountsOut | None

    @classmethod
    def of(cls, told: domain.Assignment) -> "AssignmentOut":
        return cls(
            route=told.route,
            policy=_named(told.policy),
            candidate=_named(told.candidate),
            share=told.share,
            shadow=_named(told.shadow),
            revision=told.revision,
            at=told.at,
            by=told.by,
            why=told.why,
            stable_counts=_counts(told.stable_counts),
            candidate_counts=_counts(told.candidate_counts),
        )


class Assignments(BaseModel):
    assignments: list[AssignmentOut] = Field(description="By route.")


def _named(told: domain.NamedPolicy | None) -> NamedPolicyOut | None:
    return NamedPolicyOut.of(told) if told else None


def _counts(told: domain.ArmCounts | None) -> ArmCountsOut | None:
    return ArmCountsOut(requests=told.requests, refused=told.refused) if told else None
