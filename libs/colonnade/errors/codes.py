"""The error codes and what they are called on each wire."""

from collections.abc import Mapping
from enum import StrEnum


class Code(StrEnum):
    INVALID_ARGUMENT = "invalid_argument"
    UNSUPPORTED = "unsupported"
    TOO_LARGE = "too_large"
    UNAUTHENTICATED = "unauthenticated"
    PERMISSION_DENIED = "permission_denied"
    BUDGET_SPENT = "budget_spent"
    NOT_FOUND = "not_found"
    ALREADY_EXISTS = "already_exists"
    CONFLICT = "conflict"
    OVERLOADED = "overloaded"
    CANCELLED = "cancelled"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


HTTP_STATUS: Mapping[Code, int] = {
    Code.INVALID_ARGUMENT: 400,
    Code.UNSUPPORTED: 400,
    Code.TOO_LARGE: 413,
    Code.UNAUTHENTICATED: 401,
    Code.PERMISSION_DENIED: 403,
    Code.BUDGET_SPENT: 402,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.CONFLICT: 409,
    Code.OVERLOADED: 429,
    Code.CANCELLED: 499,
    Code.DEADLINE_EXCEEDED: 504,
    Code.UNAVAILABLE: 503,
    Code.INTERNAL: 500,
}

# Names of grpc.StatusCode members; names, because this package imports only the standard library.
GRPC_STATUS: Mapping[Code, str] = {
    Code.INVALID_ARGUMENT: "INVALID_ARGUMENT",
    Code.UNSUPPORTED: "FAILED_PRECONDITION",
    Code.TOO_LARGE: "OUT_OF_RANGE",
    Code.UNAUTHENTICATED: "UNAUTHENTICATED",
    Code.PERMISSION_DENIED: "PERMISSION_DENIED",
    Code.BUDGET_SPENT: "RESOURCE_EXHAUSTED",
    Code.NOT_FOUND: "NOT_FOUND",
    Code.ALREADY_EXISTS: "ALREADY_EXISTS",
    Code.CONFLICT: "ABORTED",
    Code.OVERLOADED: "RESOURCE_EXHAUSTED",
    Code.CANCELLED: "CANCELLED",
    Code.DEADLINE_EXCEEDED: "DEADLINE_EXCEEDED",
    Code.UNAVAILABLE: "UNAVAILABLE",
    Code.INTERNAL: "INTERNAL",
}
