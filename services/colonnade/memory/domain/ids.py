"""Ids that grow with time, so that newest first is their order."""

import uuid
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc_now() -> datetime:
    return datetime.now(UTC)


def memory_id(at: datetime, place: int = 0) -> str:
    """``place`` counts those that are made at one moment and belong in an order."""
    return _id("mem", at, place)


def document_id(at: datetime) -> str:
    return _id("doc", at, 0)


def erasure_id(at: datetime) -> str:
    return _id("era", at, 0)


def _id(prefix: str, at: datetime, place: int) -> str:
    micros = (at - _EPOCH) // timedelta(microseconds=1) + place
    return f"{prefix}_{micros:016x}{uuid.uuid4().hex[:12]}"
