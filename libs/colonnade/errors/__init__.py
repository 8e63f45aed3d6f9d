"""Every refusal of the platform is one ``ColonnadeError``: a code, a message for people, details for code.

One table maps codes to gRPC and HTTP status, and one function says when to try again. Standard library only,
so that anything may import it.
"""

from colonnade.errors.backoff import backoff
from colonnade.errors.codes import GRPC_STATUS, HTTP_STATUS, Code
from colonnade.errors.exceptions import (
    AlreadyExists,
    BudgetSpent,
    Cancelled,
    ColonnadeError,
    Conflict,
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    NotFound,
    Overloaded,
    PermissionDenied,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unsupported,
    error_of,
)

__all__ = [
    "GRPC_STATUS",
    "HTTP_STATUS",
    "AlreadyExists",
    "BudgetSpent",
    "Cancelled",
    "Code",
    "ColonnadeError",
    "Conflict",
    "DeadlineExceeded",
    "Internal",
    "InvalidArgument",
    "NotFound",
    "Overloaded",
    "PermissionDenied",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "Unsupported",
    "backoff",
    "error_of",
]
