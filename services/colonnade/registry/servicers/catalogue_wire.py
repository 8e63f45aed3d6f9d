"""What is said of models and versions, in the words of its protobuf contract, and back."""

from collections.abc import Callable
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.registry.v1 import catalogue_pb2 as messages
from colonnade.registry.catalogue.records import (
    Metric,
    ModelChange,
    ModelRecord,
    Tagging,
    VersionChange,
    VersionRecord,
)
from colonnade.registry.catalogue.service import Search
from colonnade.registry.servicers import versions_wire


def model(record: ModelRecord) -> messages.ModelRecord:
    return messages.ModelRecord(
        model=versions_wire.model(record.model), tags=record.tags, updated_at=_stamp(record.updated_at)
    )


def version(record: VersionRecord) -> messages.VersionRecord:
    return messages.VersionRecord(
        version=versions_wire.version(record.version),
        tenant=record.tenant,
        description=record.description,
        card=record.card,
        signature=record.signature,
        tags=record.tags,
        metrics=[
            messages.Metric(
                key=each.key, value=each.value, step=each.step, at=_stamp(each.at), dataset=each.dataset
            )
            for each in record.metrics
        ],
        aliases=record.aliases,
        updated_at=_stamp(record.updated_at),
        revision=record.revision,
    )


def model_change(request: messages.DescribeModelRequest) -> ModelChange:
    description = request.description if request.HasField("description") else None
    return ModelChange(description, Tagging(dict(request.set_tags), tuple(request.remove_tags)))


def version_change(request: messages.DescribeVersionRequest, clock: Callable[[], datetime]) -> VersionChange:
    """Metrics without a time are of now."""
    now = clock()
    return VersionChange(
        description=request.description if request.HasField("description") else None,
        card=request.card if request.HasField("card") else None,
        signature=request.signature if request.HasField("signature") else None,
        tags=Tagging(dict(request.set_tags), tuple(request.remove_tags)),
        metrics=[
            Metric(
                each.key,
                each.value,
                each.step,
                each.at.ToDatetime(tzinfo=UTC) if each.HasField("at") else now,
                each.dataset,
            )
            for each in request.add_metrics
        ],
        expected_revision=request.expected_revision if request.HasField("expected_revision") else None,
    )


def search(request: messages.SearchModelsRequest | messages.SearchVersionsRequest) -> Search:
    return Search(request.filter, request.order_by, request.page_size, request.page_token)


def _stamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
