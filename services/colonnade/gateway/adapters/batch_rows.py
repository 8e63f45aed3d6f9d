"""A batch as a row, and back."""

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from colonnade.gateway.domain.batches import Batch, BatchError, Counts, Status
from colonnade.storage.sql import micros, moment_of

_PLAIN = (
    "id", "tenant", "subject", "key_id", "endpoint", "input_file_id", "output_file_id", "error_file_id",
    "idempotency_key",
)  # fmt: skip


def row_of(batch: Batch) -> dict[str, Any]:
    """All but the lease."""
    return {name: getattr(batch, name) for name in _PLAIN} | {
        "status": batch.status.value,
        "metadata": json.dumps(dict(batch.metadata)),
        "errors": json.dumps([asdict(error) for error in batch.errors]),
        "times": json.dumps({status.value: micros(at) for status, at in batch.times.items()}),
        **asdict(batch.counts),
        "created_at": micros(batch.created_at),
        "expires_at": micros(batch.expires_at),
    }


def batch_of(row: Row[Any]) -> Batch:
    return Batch(
        **{name: getattr(row, name) for name in _PLAIN},
        status=Status(row.status),
        metadata=json.loads(row._mapping["metadata"]),
        errors=tuple(BatchError(**error) for error in json.loads(row.errors)),
        times={Status(status): moment_of(at) for status, at in json.loads(row.times).items()},
        counts=Counts(row.total, row.completed, row.failed),
        created_at=moment_of(row.created_at),
        expires_at=moment_of(row.expires_at),
    )
