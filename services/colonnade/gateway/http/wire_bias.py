"""Reports of bias as JSON."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from colonnade.gateway.domain import bias as domain
from colonnade.gateway.domain.limits import Range
from colonnade.gateway.http.strict import Strict
from colonnade.security.inputs import alias_name, check_count, model_name

MAX_SETS = 16
_VERSION = Range(1, 2**31 - 1)
HOURS = Range(1, 24 * 31)


class ReportBody(Strict):
    model: str = Field(description="A model's name.")
    version: int | None = Field(
        default=None,
        description="Default: the one that the name stands for now.",
        json_schema_extra={"minimum": 1},
    )
    sets: list[str] | None = Field(
        default=None, description=f"Sets of probes by name, {MAX_SETS} at most. Default: `builtin`."
    )

    def new(self, key: str) -> domain.NewBiasReport:
        if self.version is not None:
            _VERSION.check("version", self.version)
        check_count(len(self.sets or ()), MAX_SETS, "sets")
        sets = tuple(alias_name(each, "sets") for each in self.sets or ())
        return domain.NewBiasReport(model_name(self.model, "model"), self.version or 0, sets, key)


class BiasFigureOut(BaseModel):
    set: str
    dimension: str = Field(description="`all`: over the whole set.")
    measure: str
    value: float
    low: float = Field(description="Of the interval that has it with 95 %.")
    high: float
    count: int = Field(description="Of how many probes it is.")


class BiasReportOut(BaseModel):
    id: str
    model: str
    version: int
    digest: str = Field(description="Of the version that is asked.")
    sets: list[str]
    state: Literal["queued", "running", "done", "failed"]
    created_at: datetime
    ended_at: datetime | None
    by: str = Field(description="Who began it, as `tenant/subject`. Empty: somebody who was erased.")
    done: int = Field(description="Probes, of `total`.")
    total: int = Field(description="0 until it runs.")
    why: str = Field(description="Where it failed.")
    figures: list[BiasFigureOut] = Field(description="Once it is done.")

    @classmethod
    def of(cls, report: domain.BiasReport) -> "BiasReportOut":
        return cls.model_validate(report, from_attributes=True)


class BiasReports(BaseModel):
    reports: list[BiasReportOut] = Field(description="Newest first.")
    next_page_token: str = Field(description="Empty: no more.")


class BiasCellOut(BaseModel):
    """Sampled answers of an hour to requests that name a group."""

    model: str = Field(description="`name:version`; a route, where an adapter had a part in the answer.")
    dimension: str
    group: str
    hour: datetime
    seen: int
    refused: int
    unkind: int


class BiasGapOut(BaseModel):
    model: str
    dimension: str
    value: float = Field(description="The greatest share of favourable answers of a group less the least.")
    low: float = Field(description="Of the interval that has it with 95 %.")
    high: float
    seen: int = Field(description="Answers.")


class BiasAlarmOut(BaseModel):
    model: str
    dimension: str
    at: datetime
    observed: int = Field(description="Comparisons since the watch began, or last alarmed.")


class LiveBiasOut(BaseModel):
    cells: list[BiasCellOut]
    gaps: list[BiasGapOut] = Field(description="Over all hours, by version and dimension.")
    alarms: list[BiasAlarmOut] = Field(description="Newest first.")

    @classmethod
    def of(cls, live: domain.LiveBias) -> "LiveBiasOut":
        return cls.model_validate(live, from_attributes=True)
