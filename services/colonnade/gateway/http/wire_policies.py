"""Policies of screening as JSON: what is asked, and what is answered."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from colonnade.gateway.domain import policies as domain
from colonnade.gateway.domain.limits import Range
from colonnade.gateway.http.strict import Strict
from colonnade.security.inputs import check_text

_YAML_BYTES, _TEXTS = 256 * 1024, Range(1, 10_000)
_DEFAULT_TEXTS = 1000
Side = Literal["input", "output"]
Action = Literal["allow", "mask", "regenerate", "refuse"]


class PolicyBody(Strict):
    yaml: str = Field(description="The policy, 256 KiB of UTF-8 at most.")

    @property
    def text(self) -> str:
        return check_text(self.yaml, "yaml", _YAML_BYTES)


class DryRunBody(PolicyBody):
    limit: int | None = Field(
        default=None,
        description=f"Newest texts at most. Default: {_DEFAULT_TEXTS}.",
        json_schema_extra={"minimum": _TEXTS.low, "maximum": _TEXTS.high},
    )

    @property
    def most(self) -> int:
        if self.limit is not None:
            _TEXTS.check("limit", self.limit)
        return self.limit or _DEFAULT_TEXTS


class PolicyVersionOut(BaseModel):
    version: str = Field(description="sha256: and 64 digits, of what it means.")
    created_at: datetime | None = Field(description="null: it came with the platform.")
    by: str = Field(description="A subject; empty: the platform, or somebody who was erased.")

    @classmethod
    def of(cls, told: domain.PolicyVersion) -> "PolicyVersionOut":
        return cls(version=told.version, created_at=told.created_at, by=told.by)


class PolicyUseOut(BaseModel):
    tenant: str = Field(description="Empty: every tenant that assigns nothing.")
    route: str = Field(description='"*": every route that has no assignment of its own.')
    share: int = Field(description="Percent of the requests.")
    shadow: bool = Field(description="Is recorded, decides nothing.")
    version: str


class PolicyEntryOut(BaseModel):
    name: str
    description: str
    version: str = Field(description="The latest.")
    versions: list[PolicyVersionOut] = Field(description="Newest first.")
    in_use: list[PolicyUseOut]

    @classmethod
    def of(cls, told: domain.PolicyEntry) -> "PolicyEntryOut":
        return cls(
            name=told.name,
            description=told.description,
            version=told.version,
            versions=[PolicyVersionOut.of(each) for each in told.versions],
            in_use=[
                PolicyUseOut(
                    tenant=use.tenant, route=use.route, share=use.share, shadow=use.shadow,
                    version=use.version,
                )
                for use in told.in_use
            ],
        )  # fmt: skip


class PolicyEntries(BaseModel):
    policies: list[PolicyEntryOut] = Field(description="By name: the tenant's own, and the platform's.")


class PolicyTextOut(PolicyVersionOut):
    name: str
    description: str
    yaml: str = Field(description="As it was put.")

    @classmethod
    def of_text(cls, told: domain.PolicyText) -> "PolicyTextOut":
        said = PolicyVersionOut.of(told.version).model_dump()
        return cls(name=told.name, description=told.description, yaml=told.yaml, **said)


class PolicyPut(PolicyVersionOut):
    name: str
    is_new: bool = Field(description="False: it means what a version says that is there.")


class ExpectedOut(BaseModel):
    action: Action
    rule: str = Field(description="Empty: any.")


class TrialOut(BaseModel):
    text: str
    side: Side
    expected: ExpectedOut
    passed: bool
    action: Action = Field(description="The gravest that was decided.")
    rule: str = Field(description="Whose that was; empty where nothing was decided.")
    explanations: list[str] = Field(description="Of all that was decided, a sentence each.")

    @classmethod
    def of(cls, told: domain.TrialOutcome) -> "TrialOut":
        return cls(
            text=told.text,
            side=told.side,
            expected=ExpectedOut(action=told.expected, rule=told.expected_rule),
            passed=told.passed,
            action=told.action,
            rule=told.rule,
            explanations=list(told.explanations),
        )


class TrialsOut(BaseModel):
    name: str
    version: str
    outcomes: list[TrialOut] = Field(description="In the order of the tests.")


class ChangedOut(BaseModel):
    at: datetime
    side: Side
    route: str
    before: Action = Field(description="The gravest that is decided today.")
    after: Action
    rule: str = Field(description="That decides after; empty where none does.")
    excerpt: str = Field(description="The beginning of the text.")


class DryRunOut(BaseModel):
    name: str
    version: str
    screened: int = Field(description="Texts. None are kept unless the platform is set to.")
    changed: list[ChangedOut] = Field(description="Newest first.")

    @classmethod
    def of(cls, told: domain.DryRun) -> "DryRunOut":
        changed = [
            ChangedOut(
                at=each.at, side=each.side, route=each.route, before=each.before, after=each.after,
                rule=each.rule, excerpt=each.excerpt,
            )
            for each in told.changed
        ]  # fmt: skip
        return cls(name=told.name, version=told.version, screened=told.screened, changed=changed)
