"""Drafts in the words of their protobuf contract, and back."""

from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.registry.v1 import drafts_pb2 as messages
from colonnade.registry.domain import source_name
from colonnade.registry.drafts.draft import BeginOrder, DraftFile
from colonnade.registry.drafts.service import Shown


def order(request: messages.BeginVersionRequest) -> BeginOrder:
    return BeginOrder(
        request.model, request.description, request.alias, request.base, request.source,
        request.idempotency_key,
    )  # fmt: skip


def draft(shown: Shown) -> messages.Draft:
    found, progress = shown.draft, shown.progress
    created_at, updated_at = Timestamp(), Timestamp()
    created_at.FromDatetime(found.created_at)
    updated_at.FromDatetime(found.updated_at)
    return messages.Draft(
        model=found.model,
        number=found.number,
        state=found.state.value,
        message=f"{progress.stage} {progress.message}".strip() if progress else found.message,
        fraction=progress.fraction if progress else 0.0,
        source=source_name(found.source),
        alias=found.alias,
        base=found.base,
        description=found.description,
        files=[file(each, shown.received[each.path]) for each in found.files],
        created_at=created_at,
        created_by=found.created_by,
        updated_at=updated_at,
        version=found.version,
    )


def file(found: DraftFile, received: int) -> messages.DraftFile:
    return messages.DraftFile(
        path=found.path, size_bytes=found.size_bytes, digest=found.digest, received=received
    )
