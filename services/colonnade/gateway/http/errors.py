"""Every refusal in the one shape: ``{"error": {"code", "message", "details", "request_id"}}``.

Below the paths of another protocol it has that protocol's shape (``shape_of``).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import Response

from colonnade.errors import (
    HTTP_STATUS,
    ColonnadeError,
    InvalidArgument,
    NotFound,
    Overloaded,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unsupported,
)
from colonnade.gateway.http.mlflow.errors import mlflow_shape
from colonnade.gateway.http.oip.errors import oip_shape
from colonnade.gateway.http.openai.errors import openai_shape
from colonnade.security.inputs import escape_log

Shape: TypeAlias = Callable[[ColonnadeError, str], dict[str, Any]]
"""An error and the request id as the body of an answer."""


class UnsupportedMediaType(InvalidArgument):
    """The body is not plain JSON."""


class MethodNotAllowed(Unsupported):
    """``details["allow"]`` lists the methods that are."""


class TooSlow(InvalidArgument):
    """The request did not arrive in time."""


class OutOfRange(InvalidArgument):
    """None of the bytes that a download asks for; ``details["limit"]`` is how many there are."""


class HeadTooLarge(TooLarge):
    """Request line or headers."""


class ClientGone(Exception):
    """The client went away before its answer was complete."""


_STATUS: Mapping[type[ColonnadeError], int] = {
    UnsupportedMediaType: 415,
    MethodNotAllowed: 405,
    TooSlow: 408,
    OutOfRange: 416,
    HeadTooLarge: 431,
}
_SHOWN = 64
_MOST_ERRORS = 10


def status_of(error: ColonnadeError) -> int:
    return _STATUS.get(type(error), HTTP_STATUS[error.code])


def error_body(error: ColonnadeError, request_id: str) -> dict[str, Any]:
    return {
        "error": {
            "code": error.code.value,
            "message": error.message,
            "details": error.details,
            "request_id": request_id,
        }
    }


def shape_of(path: str) -> Shape:
    """What refusals look like on this path."""
    return next((shape for prefix, shape in _SHAPES if path.startswith(prefix)), error_body)


_SHAPES: tuple[tuple[str, Shape], ...] = (
    ("/v1/", openai_shape),
    ("/v2/", oip_shape),
    ("/mlflow/", mlflow_shape),
)


def error_json(error: ColonnadeError, request_id: str, path: str = "") -> bytes:
    return json.dumps(shape_of(path)(error, request_id), default=str).encode()


def error_response(error: ColonnadeError, request_id: str, path: str = "") -> Response:
    return Response(
        error_json(error, request_id, path),
        status_of(error),
        headers=_headers(error),
        media_type="application/json",
    )


def no_such_route() -> NotFound:
    return NotFound("there is nothing here; `GET /docs` lists what there is", field="route")


def invalid(error: RequestValidationError | ValidationError) -> InvalidArgument:
    """pydantic's findings as one refusal that names the first field; none of them shows what was sent.

    FastAPI's begin with the part of the request that they are about, those of a body alone do not."""
    part = () if isinstance(error, RequestValidationError) else ("body",)
    findings = [_finding(found, (*part, *found["loc"])) for found in error.errors()[:_MOST_ERRORS]]
    first = findings[0]
    more = {} if len(findings) == 1 else {"errors": findings}
    limit = {"limit": first["limit"]} if "limit" in first else {}
    return InvalidArgument(first["message"], field=first["field"], **limit, **more)


def _headers(error: ColonnadeError) -> dict[str, str]:
    if isinstance(error, Overloaded | Unavailable):
        seconds = error.details.get("retry_after_seconds", 1)
        return {"retry-after": str(max(1, round(seconds)) if isinstance(seconds, int | float) else 1)}
    if isinstance(error, Unauthenticated):
        return {"www-authenticate": "Bearer"}
    if isinstance(error, OutOfRange):
        return {"content-range": f"bytes */{error.details['limit']}"}
    if isinstance(error, MethodNotAllowed):
        return {"allow": ", ".join(error.details.get("allow", ()))}
    return {}


_EXPECTED = {
    "missing": "is required",
    "extra_forbidden": "is not a field of this request; `GET /docs` lists them",
    "string_type": "must be a string",
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "int_parsing": "must be an integer",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "list_type": "must be an array",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
}


def _finding(found: Mapping[str, Any], location: Sequence[int | str]) -> dict[str, Any]:
    field = _path(location)
    context = {
        key: value for key, value in found.get("ctx", {}).items() if isinstance(value, int | float | str)
    }
    said = _EXPECTED.get(found["type"]) or _plain(found["msg"])
    finding: dict[str, Any] = {"field": field, "message": f"{field} {said}"}
    if found["type"] in _EXPECTED and said.startswith("must be "):
        finding["limit"] = said.removeprefix("must be ")
    elif context:
        finding["limit"] = next(iter(context.values()))
    return finding


def _plain(message: str) -> str:
    """pydantic's "Input should be ..." in our words."""
    return message.replace("Input should", "must").replace("String should", "must")


def _path(location: Sequence[int | str]) -> str:
    """``("body", "messages", 0, "content")`` as ``messages[0].content``."""
    path = ""
    for part in location[1:]:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += "." * bool(path) + escape_log(part[:_SHOWN])
    return path or str(location[0])
