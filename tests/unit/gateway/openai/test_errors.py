"""Refusals below /v1 in OpenAI's shape, those of the framework included; elsewhere in our own."""

import httpx
import pytest

from colonnade.errors import (
    BudgetSpent,
    ColonnadeError,
    Internal,
    InvalidArgument,
    NotFound,
    Overloaded,
    PermissionDenied,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unsupported,
)
from colonnade.gateway.http.errors import error_body, shape_of
from colonnade.gateway.http.openai.errors import openai_shape


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (InvalidArgument("x", field="n"), "invalid_request_error", "invalid_argument"),
        (
            InvalidArgument("x", field="messages", tokens=9),
            "invalid_request_error",
            "context_length_exceeded",
        ),
        (Unsupported("x", field="n"), "invalid_request_error", "unsupported"),
        (TooLarge("x", field="n"), "invalid_request_error", "too_large"),
        (NotFound("x", field="model"), "invalid_request_error", "model_not_found"),
        (NotFound("x"), "invalid_request_error", "not_found"),
        (Unauthenticated("x"), "invalid_request_error", "invalid_api_key"),
        (PermissionDenied("x"), "invalid_request_error", "permission_denied"),
        (BudgetSpent("x"), "insufficient_quota", "insufficient_quota"),
        (Overloaded("x"), "requests", "rate_limit_exceeded"),
        (Unavailable("x"), "server_error", "unavailable"),
        (Internal("x"), "server_error", "internal"),
    ],
    ids=lambda value: value.code.value if isinstance(value, ColonnadeError) else str(value),
)
def test_types_and_codes(error: ColonnadeError, kind: str, code: str) -> None:
    shown = openai_shape(error, "r1")["error"]
    assert shown == {"message": "x", "type": kind, "param": error.details.get("field"), "code": code}


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/v1/chat/completions", openai_shape),
        ("/generate", error_body),
        ("/v1x", error_body),
        ("", error_body),
    ],
    ids=["openai", "own", "likeness", "unknown"],
)
def test_the_path_chooses_the_shape(path: str, shape: object) -> None:
    assert shape_of(path) is shape


async def test_a_path_that_is_not_there(client: httpx.AsyncClient) -> None:
    reply = await client.get("/v1/nothing")
    assert reply.status_code == 404
    assert set(reply.json()["error"]) == {"message", "type", "param", "code"}
    assert reply.headers["x-request-id"]
    assert "request_id" in (await client.get("/nothing")).json()["error"]
