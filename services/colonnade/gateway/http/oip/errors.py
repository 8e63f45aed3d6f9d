"""A refusal as the protocol's clients read it: ``{"error": "..."}``."""

from typing import Any

from colonnade.errors import ColonnadeError


def oip_shape(error: ColonnadeError, request_id: str) -> dict[str, Any]:
    """The body; the request id is in the header ``x-request-id``."""
    return {"error": error.message}
