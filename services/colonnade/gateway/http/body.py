"""The body of a request: plain JSON, of bounded size and depth, arrived in bounded time."""

import asyncio
import re
import time
from collections.abc import AsyncGenerator
from email.message import Message
from functools import lru_cache
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Receive

from colonnade.errors import InvalidArgument, TooLarge
from colonnade.gateway.http.errors import ClientGone, TooSlow, UnsupportedMediaType
from colonnade.gateway.http.options import HttpOptions
from colonnade.security.inputs import JsonLimits, parse_object

_MEDIA_TYPE = re.compile(r"[A-Za-z0-9.+-]{1,64}/[A-Za-z0-9.+-]{1,64}")


class JsonRequest(Request):
    """A request whose body was read and parsed by ``read_object``; FastAPI takes it from here."""

    def __init__(self, request: Request, content: dict[str, Any]) -> None:
        super().__init__(request.scope, request.receive)
        self._content = content

    async def body(self) -> bytes:
        return b"{}"  # not empty: all that FastAPI asks before it calls json()

    async def json(self) -> Any:
        return self._content


def has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


async def read_object(request: Request, options: HttpOptions) -> dict[str, Any]:
    """The JSON object in the body. Refuses before reading where the headers say enough."""
    _check_headers(request.headers, options.max_body_bytes)
    raw = await _read(request.receive, options)
    if not raw:
        raise InvalidArgument("the body is empty; send a JSON object", field="body", limit=1)
    return parse_object(raw, JsonLimits(max_bytes=options.max_body_bytes))


def check_raw(headers: Headers, kind: str, limit: int) -> None:
    """Of a body that is no JSON: refuses before reading where the headers say enough."""
    _check_encoding(headers)
    if headers.get("content-type", "").partition(";")[0].strip().lower() != kind:
        raise UnsupportedMediaType(f"content-type must be {kind}", field="content-type", limit=kind)
    _check_length(headers, limit)


def check_media_type(headers: Headers, limit: int) -> str:
    """The type of a body that may be of several; whoever reads it says which. Refuses before reading where
    the headers say enough."""
    _check_encoding(headers)
    told = Message()
    told["content-type"] = headers.get("content-type", "")
    kind, charset = told.get_content_type(), str(told.get_param("charset", "utf-8")).lower()
    if not _MEDIA_TYPE.fullmatch(headers.get("content-type", "").partition(";")[0].strip()):
        raise UnsupportedMediaType(
            "content-type must say what the body is, as in text/plain or application/pdf",
            field="content-type",
        )
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedMediaType(
            "content-type must name UTF-8 or no charset; UTF-16 is read by its byte order mark",
            field="content-type",
            limit="utf-8",
        )
    _check_length(headers, limit)
    return kind


async def arriving(receive: Receive, seconds: float, most: int) -> AsyncGenerator[bytes, None]:
    """A body as it arrives, never held."""
    end, size, more = time.monotonic() + seconds, 0, True
    while more:
        try:
            async with asyncio.timeout(end - time.monotonic()):
                message = await receive()
        except TimeoutError:
            raise _too_slow(seconds) from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        received = message.get("body", b"")
        size += len(received)
        if size > most:
            raise _too_large(most)
        yield received
        more = message.get("more_body", False)


def _check_encoding(headers: Headers) -> None:
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType(
            "content-encoding must be identity: send the body uncompressed",
            field="content-encoding",
            limit="identity",
        )


def _check_headers(headers: Headers, limit: int) -> None:
    _check_encoding(headers)
    if not _is_json(headers.get("content-type", "")):
        raise UnsupportedMediaType(
            "content-type must be application/json, in UTF-8", field="content-type", limit="application/json"
        )
    _check_length(headers, limit)


def _check_length(headers: Headers, limit: int) -> None:
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise InvalidArgument("content-length must be a number", field="content-length")
    if len(length) > 18 or int(length) > limit:
        raise _too_large(limit)


@lru_cache(maxsize=64)
def _is_json(content_type: str) -> bool:
    kind = Message()
    kind["content-type"] = content_type
    charset = kind.get_param("charset", "utf-8")
    return kind.get_content_type() == "application/json" and str(charset).lower() in ("utf-8", "utf8")


async def _read(receive: Receive, options: HttpOptions) -> bytes:
    parts = bytearray()
    try:
        async with asyncio.timeout(options.body_seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                parts += message.get("body", b"")
                if len(parts) > options.max_body_bytes:
                    raise _too_large(options.max_body_bytes)
                if not message.get("more_body", False):
                    return bytes(parts)
    except TimeoutError:
        raise _too_slow(options.body_seconds) from None


def _too_slow(seconds: float) -> TooSlow:
    return TooSlow(f"the body did not arrive within {seconds:g} seconds", field="body", limit=seconds)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body may have at most {limit} bytes", field="body", limit=limit)
