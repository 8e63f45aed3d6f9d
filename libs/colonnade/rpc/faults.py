"""``ColonnadeError`` on the gRPC wire: a status for everyone, code and details for our own clients."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import grpc

from colonnade.errors import GRPC_STATUS, Code, ColonnadeError, error_of

DETAILS_KEY = "colonnade-error-bin"
# gRPC refuses metadata beyond 8 KiB, and sends the message there too, percent-encoded.
_MAX_MESSAGE_BYTES = 3072
_MAX_DETAILS_BYTES = 3072
_UNCHANGED = "".join(chr(code) for code in range(0x20, 0x7F)).replace("%", "")

# For peers that are not ours, or died before they could say more.
_CODE_OF_STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: Code.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION: Code.UNSUPPORTED,
    grpc.StatusCode.UNIMPLEMENTED: Code.UNSUPPORTED,
    grpc.StatusCode.OUT_OF_RANGE: Code.TOO_LARGE,
    grpc.StatusCode.UNAUTHENTICATED: Code.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED: Code.PERMISSION_DENIED,
    grpc.StatusCode.NOT_FOUND: Code.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS: Code.ALREADY_EXISTS,
    grpc.StatusCode.ABORTED: Code.CONFLICT,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Code.OVERLOADED,
    grpc.StatusCode.CANCELLED: Code.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED: Code.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNAVAILABLE: Code.UNAVAILABLE,
}


def to_wire(error: ColonnadeError) -> tuple[grpc.StatusCode, str, tuple[tuple[str, bytes], ...]]:
    """Status, message and trailing metadata of an error; what does not fit metadata is cut or left out."""
    status = grpc.StatusCode[GRPC_STATUS[error.code]]
    body = _encoded(error.code, error.details)
    if len(body) > _MAX_DETAILS_BYTES:
        body = _encoded(error.code, {})
    return status, _cut(error.message), ((DETAILS_KEY, body),)


def from_wire(error: grpc.aio.AioRpcError, service: str) -> ColonnadeError:
    """The error as the peer raised it; a peer that could not say becomes one that names the service."""
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and (body := _decoded(value)) is not None:
            return error_of(body["code"], error.details() or "", body["details"])
    code = _CODE_OF_STATUS.get(error.code(), Code.INTERNAL)
    if code is Code.OVERLOADED and "larger than max" in (error.details() or ""):
        code = Code.TOO_LARGE  # gRPC says both with one status
    return error_of(code, _general_message(code, service), {"service": service})


def _encoded(code: Code, details: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps({"code": code, "details": details}, default=str).encode()
    except (TypeError, ValueError, RecursionError):
        return _encoded(code, {})


def _decoded(value: Any) -> dict[str, Any] | None:
    try:
        body = json.loads(value)
    except (TypeError, ValueError):
        return None
    known = isinstance(body, dict) and isinstance(body.get("code"), str)
    return body if known and isinstance(body.get("details"), dict) else None


def _cut(message: str) -> str:
    """As much of the message as fits once percent-encoded."""
    if len(quote(message, safe=_UNCHANGED, errors="replace")) <= _MAX_MESSAGE_BYTES:
        return message.encode(errors="replace").decode()
    room, end = _MAX_MESSAGE_BYTES, 0
    for character in message:
        room -= len(quote(character, safe=_UNCHANGED, errors="replace"))
        if room < 0:
            break
        end += 1
    return message[:end].encode(errors="replace").decode()


def _general_message(code: Code, service: str) -> str:
    if code is Code.UNAVAILABLE:
        return f"the {service} service is not reachable; it may be starting, try again shortly"
    if code is Code.DEADLINE_EXCEEDED:
        return f"the deadline passed while waiting for the {service} service"
    if code is Code.TOO_LARGE:
        return f"the message is too large for the {service} service; send less at once"
    return f"the {service} service refused the call: {code.value}"
