"""What is said of models and versions, as JSON."""

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from colonnade.errors import InvalidArgument
from colonnade.gateway.domain import catalogue as domain
from colonnade.gateway.domain.limits import Range
from colonnade.gateway.http import wire_models
from colonnade.gateway.http.strict import Strict
from colonnade.security.inputs import check_count, check_text, parse_object
from colonnade.security.inputs.catalogue import (
    MAX_CARD_BYTES,
    MAX_DESCRIPTION_BYTES,
    MAX_METRICS_ADDED,
    MAX_TAG_BYTES,
    MAX_TAGS,
)

_STEP = Range(-(2**63 - 1), 2**63 - 1)
_REVISION = Range(0, 2**63 - 1)
_TAGS = f"At most {MAX_TAGS}; a value of at most {MAX_TAG_BYTES} bytes."


class NewModel(Strict):
    description: str = ""
    tags: dict[str, str] = Field(default={}, description=_TAGS)

    def change(self) -> domain.ModelChange:
        return domain.ModelChange(_description(self.description), _tags(self.tags))


class ModelPatch(Strict):
    """What is not given stays."""

    description: str | None = None
    set_tags: dict[str, str] = Field(default={}, description=_TAGS)
    remove_tags: list[str] = Field(default=[])

    def change(self) -> domain.ModelChange:
        return domain.ModelChange(
            _description(self.description), _tags(self.set_tags), _removed(self.remove_tags)
        )


class MetricBody(Strict):
    key: str
    value: float
    step: int = 0
    at: str | None = Field(default=None, description="A time in ISO 8601; left out: now.")
    dataset: str = Field(default="", description="Digest of what it was measured on.")


class VersionPatch(Strict):
    """What is not given stays."""

    description: str | None = None
    card: str | None = Field(default=None, description=f"Markdown, at most {MAX_CARD_BYTES} bytes.")
    signature: dict[str, Any] | None = Field(
        default=None,
        description="`inputs`, `outputs` and `params`: lists of `name`, `type`, `shape` and `required`. "
        "{}: back to the default.",
    )
    set_tags: dict[str, str] = Field(default={}, description=_TAGS)
    remove_tags: list[str] = Field(default=[])
    add_metrics: list[MetricBody] = Field(
        default=[],
        description=f"At most {MAX_METRICS_ADDED} at once; one of equal key, step and data set is replaced.",
    )
    expected_revision: int | None = Field(
        default=None, description="Changes it only if what is said of it is still at this revision."
    )

    def change(self, signature: str | None) -> domain.VersionChange:
        if self.expected_revision is not None:
            _REVISION.check("expected_revision", self.expected_revision)
        check_count(len(self.add_metrics), MAX_METRICS_ADDED, "add_metrics")
        return domain.VersionChange(
            description=_description(self.description),
            card=None
            if self.card is None
            else check_text(self.card, "card", MAX_CARD_BYTES, allow_empty=True),
            signature=signature,
            set_tags=_tags(self.set_tags),
            remove_tags=_removed(self.remove_tags),
            add_metrics=tuple(_metric(each, index) for index, each in enumerate(self.add_metrics)),
            expected_revision=self.expected_revision,
        )


class RenameBody(Strict):
    to: str = Field(description="The new name; not one that another model has or had.")


class ModelRecord(wire_models.Model):
    tags: dict[str, str]
    updated_at: datetime | None

    @classmethod
    def found(cls, record: domain.ModelRecord) -> "ModelRecord":
        model = wire_models.Model.of(record.model)
        return cls(**dict(model), tags=dict(record.tags), updated_at=record.updated_at)


class FoundModels(BaseModel):
    models: list[ModelRecord]
    next_page_token: str = Field(description="Empty on the last page.")


class ModelDetail(ModelRecord):
    versions: list[wire_models.Version] = Field(description="Newest first.")


class Metric(BaseModel):
    key: str
    value: float
    step: int
    at: datetime | None
    dataset: str


class FoundVersion(wire_models.Version):
    tenant: str = Field(description="Whose its model is.")
    description: str
    tags: dict[str, str]
    metrics: list[Metric] = Field(description="By key, then step; in searches the last one of each key.")
    aliases: list[str] = Field(description="That point at it.")
    updated_at: datetime | None
    revision: int = Field(description="Grows by one with each change of what is said of it.")


class VersionRecord(FoundVersion):
    card: str = Field(description="Markdown, as its author wrote it.")
    signature: dict[str, Any]


class FoundVersions(BaseModel):
    versions: list[FoundVersion]
    next_page_token: str = Field(description="Empty on the last page.")


def found_version(record: domain.VersionRecord) -> FoundVersion:
    return FoundVersion(**_facts(record))


def version_record(record: domain.VersionRecord) -> VersionRecord:
    signature = parse_object(record.signature.encode()) if record.signature else {}
    return VersionRecord(**_facts(record), card=record.card, signature=signature)


def _facts(record: domain.VersionRecord) -> dict[str, Any]:
    metrics = [
        Metric(key=each.key, value=each.value, step=each.step, at=each.at, dataset=each.dataset)
        for each in record.metrics
    ]
    return dict(wire_models.Version.of(record.version)) | {
        "tenant": record.tenant,
        "description": record.description,
        "tags": dict(record.tags),
        "metrics": metrics,
        "aliases": list(record.aliases),
        "updated_at": record.updated_at,
        "revision": record.revision,
    }


def _description(text: str | None) -> str | None:
    if text is None:
        return None
    return check_text(text, "description", MAX_DESCRIPTION_BYTES, allow_empty=True, controls="text")


def _tags(tags: dict[str, str]) -> dict[str, str]:
    check_count(len(tags), MAX_TAGS, "set_tags")
    for key, value in tags.items():
        check_text(key, "set_tags", 128, controls="line")
        check_text(value, f"set_tags[{key}]", MAX_TAG_BYTES, allow_empty=True)
    return tags


def _removed(keys: list[str]) -> tuple[str, ...]:
    check_count(len(keys), MAX_TAGS, "remove_tags")
    return tuple(check_text(key, "remove_tags", 128, controls="line") for key in keys)


def _metric(body: MetricBody, index: int) -> domain.Metric:
    _STEP.check(f"add_metrics[{index}].step", body.step)
    key = check_text(body.key, f"add_metrics[{index}].key", 128, controls="line")
    dataset = check_text(
        body.dataset, f"add_metrics[{index}].dataset", 128, allow_empty=True, controls="line"
    )
    return domain.Metric(key, body.value, body.step, _moment(body.at, f"add_metrics[{index}].at"), dataset)


def _moment(text: str | None, field: str) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidArgument(f"{field} must be a time as in 2026-01-31T12:00:00Z", field=field) from None
