"""A refusal as MLflow's clients read it: ``{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "..."}``."""

from collections.abc import Mapping
from typing import Any

from colonnade.errors import Code, ColonnadeError

NAMES: Mapping[Code, str] = {
    Code.INVALID_ARGUMENT: "INVALID_PARAMETER_VALUE",
    Code.UNSUPPORTED: "FEATURE_DISABLED",
    Code.TOO_LARGE: "INVALID_PARAMETER_VALUE",
    Code.UNAUTHENTICATED: "UNAUTHENTICATED",
    Code.PERMISSION_DENIED: "PERMISSION_DENIED",
    Code.BUDGET_SPENT: "REQUEST_LIMIT_EXCEEDED",
    Code.NOT_FOUND: "RESOURCE_DOES_NOT_EXIST",
    Code.ALREADY_EXISTS: "RESOURCE_ALREADY_EXISTS",
    Code.CONFLICT: "RESOURCE_CONFLICT",
    Code.OVERLOADED: "REQUEST_LIMIT_EXCEEDED",
    Code.CANCELLED: "CANCELLED",
    Code.DEADLINE_EXCEEDED: "DEADLINE_EXCEEDED",
    Code.UNAVAILABLE: "TEMPORARILY_UNAVAILABLE",
    Code.INTERNAL: "INTERNAL_ERROR",
}
NO_ENDPOINT = "ENDPOINT_NOT_FOUND"
_ROUTING = ("route", "method")
"""The fields of refusals by which there is no such route; clients try another one."""


_SUBSET = "of MLflow's interface there is the model registry, without webhooks and prompts"


def mlflow_shape(error: ColonnadeError, request_id: str) -> dict[str, Any]:
    """The body; the request id is in the header ``x-request-id``."""
    if error.details.get("field") in _ROUTING:
        return {"error_code": NO_ENDPOINT, "message": f"{error.message}; {_SUBSET}"}
    return {"error_code": NAMES[error.code], "message": error.message}
