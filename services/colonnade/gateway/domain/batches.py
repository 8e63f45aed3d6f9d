"""Batches: many requests in one file, worked off in the background; what state each may go to from which.

validating -> in_progress -> finalizing -> completed
     |             |-> expired, failed
     |             `-> cancelling -> cancelled
     `-> failed, expired, cancelling
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from colonnade.errors import ColonnadeError, Conflict

ENDPOINTS = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses")
COMPLETION_WINDOW = "24h"
PRIORITY = -5
"""Of a line's request at most: who waits for an answer goes first."""
MAX_ERRORS = 100
"""Of an input file, that are listed."""
MAX_CUSTOM_ID = 512
MAX_METADATA = 16
MAX_METADATA_KEY = 64
MAX_METADATA_VALUE = 512


class Status(StrEnum):
    VALIDATING = "validating"
    IN_PROGRESS = "in_progress"
    FINALIZING = "finalizing"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"


NEXT: Mapping[Status, frozenset[Status]] = MappingProxyType(
    {
        Status.VALIDATING: frozenset({Status.IN_PROGRESS, Status.FAILED, Status.CANCELLING}),
        Status.IN_PROGRESS: frozenset({Status.FINALIZING, Status.FAILED, Status.EXPIRED, Status.CANCELLING}),
        Status.FINALIZING: frozenset({Status.COMPLETED}),
        Status.CANCELLING: frozenset({Status.CANCELLED}),
    }
)
UNFINISHED = tuple(NEXT)
"""What a gateway still has to see to."""


class LeaseLost(Conflict):
    """Another gateway works on the batch now."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Of lines. What was never run is neither completed nor failed while the batch runs."""

    total: int = 0
    completed: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class BatchError:
    """Why a batch failed; ``line`` is the one of the input file that is wrong, from 1."""

    code: str
    message: str
    line: int | None = None
    param: str | None = None

    @classmethod
    def of(cls, error: ColonnadeError) -> "BatchError":
        """Of the batch as a whole."""
        return cls(error.code.value, error.message)


@dataclass(frozen=True, slots=True)
class Line:
    """One request of a batch."""

    number: int
    custom_id: str
    raw: bytes = field(repr=False)
    """As it stands in the input file."""


@dataclass(frozen=True, slots=True)
class LineResult:
    """What a line got: the answer, or the refusal that will not change."""

    line: int
    custom_id: str
    status_code: int
    request_id: str
    body: str = field(repr=False)
    """JSON."""

    @property
    def ok(self) -> bool:
        return self.status_code < 400


@dataclass(frozen=True, slots=True)
class Batch:
    """It belongs to the tenant, and its lines are asked in the name of the key that made it."""

    id: str
    tenant: str
    subject: str
    key_id: str
    endpoint: str
    input_file_id: str
    created_at: datetime
    expires_at: datetime
    status: Status = Status.VALIDATING
    counts: Counts = Counts()
    errors: tuple[BatchError, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    output_file_id: str = ""
    error_file_id: str = ""
    times: Mapping[Status, datetime] = field(default_factory=dict)
    """When it came to each state but the first."""
    idempotency_key: str = ""

    @property
    def finished(self) -> bool:
        return self.status not in NEXT

    def moved(self, status: Status, at: datetime) -> "Batch":
        """In another state. ``Conflict`` where that does not follow this one."""
        if status not in NEXT.get(self.status, ()):
            raise Conflict(
                f"the batch is {self.status} and cannot become {status}", field="status", status=self.status
            )
        return replace(self, status=status, times={**self.times, status: at})

    def began(self, lines: int, at: datetime) -> "Batch":
        """Its input is as it must be."""
        return replace(self.moved(Status.IN_PROGRESS, at), counts=Counts(lines))

    def failed(self, errors: tuple[BatchError, ...], at: datetime) -> "Batch":
        return replace(self.moved(Status.FAILED, at), errors=errors)

    def cancelled(self, at: datetime) -> "Batch":
        """On its way to being cancelled; asking twice changes nothing."""
        if self.status in (Status.CANCELLING, Status.CANCELLED):
            return self
        if Status.CANCELLING not in NEXT.get(self.status, ()):
            raise Conflict(
                f"the batch is {self.status}: only one that is validating or in progress can be cancelled",
                field="batch_id",
                status=self.status,
            )
        return self.moved(Status.CANCELLING, at)

    def expired(self, at: datetime) -> "Batch":
        """The lines that were not run have failed too."""
        counts = replace(self.counts, failed=self.counts.total - self.counts.completed)
        return replace(self.moved(Status.EXPIRED, at), counts=counts)

    def counted(self, result: LineResult) -> "Batch":
        """With one more line that has its result."""
        counts = self.counts
        if result.ok:
            return replace(self, counts=replace(counts, completed=counts.completed + 1))
        return replace(self, counts=replace(counts, failed=counts.failed + 1))
