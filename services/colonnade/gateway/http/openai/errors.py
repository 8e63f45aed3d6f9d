"""A refusal as OpenAI's clients read it: ``{"error": {"message", "type", "param", "code"}}``."""

from collections.abc import Mapping
from typing import Any

from colonnade.errors import Code, ColonnadeError
from colonnade.gateway.domain.guarding import ContentRefused

_INVALID = "invalid_request_error"
_SERVER = "server_error"
_TYPES: Mapping[Code, str] = {
    Code.BUDGET_SPENT: "insufficient_quota",
    Code.OVERLOADED: "requests",
    Code.DEADLINE_EXCEEDED: _SERVER,
    Code.UNAVAILABLE: _SERVER,
    Code.INTERNAL: _SERVER,
}
_CODES: Mapping[Code, str] = {
    Code.UNAUTHENTICATED: "invalid_api_key",
    Code.BUDGET_SPENT: "insufficient_quota",
    Code.OVERLOADED: "rate_limit_exceeded",
}
_MODEL_FIELDS = ("model", "adapter")


def openai_shape(error: ColonnadeError, request_id: str) -> dict[str, Any]:
    """The body; the request id is in the header ``x-request-id``, where OpenAI's clients look for it."""
    field = error.details.get("field")
    return {
        "error": {
            "message": error.message,
            "type": _TYPES.get(error.code, _INVALID),
            "param": None if field is None else str(field),
            "code": _code(error),
        }
    }


def _code(error: ColonnadeError) -> str:
    """OpenAI's own name where it has one."""
    if error.code is Code.NOT_FOUND and error.details.get("field") in _MODEL_FIELDS:
        return "model_not_found"
    if error.code is Code.INVALID_ARGUMENT and "tokens" in error.details:
        return "context_length_exceeded"
    if isinstance(error, ContentRefused):
        return "content_policy_violation"
    return _CODES.get(error.code, error.code.value)
