"""``ColonnadeError`` on the gRPC wire: a status for everyone, code and details for our own clients."""

import json
from typing import Any

import grpc

from colonnade.errors import GRPC_STATUS, Code, ColonnadeError, error_of

DETAILS_KEY = "colonnade-error-bin"
_MAX_MESSAGE = 2048

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
    """Status, message and trailing metadata of an error."""
    body = json.dumps({"code": error.code, "details": error.details}, default=str).encode()
    status = grpc.StatusCode[GRPC_STATUS[error.code]]
    return status, error.message[:_MAX_MESSAGE], ((DETAILS_KEY, body),)


def from_wire(error: grpc.aio.AioRpcError, service: str) -> ColonnadeError:
    """The error as the peer raised it; a peer that could not say becomes one that names the service."""
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY:
            body: dict[str, Any] = json.loads(value)
            return error_of(body["code"], error.details() or "", body["details"])
    code = _CODE_OF_STATUS.get(error.code(), Code.INTERNAL)
    return error_of(code, _general_message(code, service), {"service": service})


def _general_message(code: Code, service: str) -> str:
    if code is Code.UNAVAILABLE:
        return f"the {service} service is not reachable; it may be starting, try again shortly"
    if code is Code.DEADLINE_EXCEEDED:
        return f"the deadline passed while waiting for the {service} service"
    return f"the {service} service refused the call: {code.value}"
