"""GET and POST to an allowed place. httpcore rather than httpx: it follows, decodes and inherits nothing."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import httpcore

from colonnade.errors import (
    DeadlineExceeded,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    TooLarge,
    Unavailable,
)
from colonnade.security.inputs import check_header_value
from colonnade.security.outbound.addresses import Resolve, checked_addresses, resolved
from colonnade.security.outbound.allowed import Allowed, Place

CONNECT_SECONDS = 10.0
IDLE_SECONDS = 60.0
"""Between two pieces of an answer."""
MAX_REPLY_BYTES = 64 * 1024
POST_SECONDS = 10.0
_TIMEOUTS = {"connect": CONNECT_SECONDS, "read": IDLE_SECONDS, "write": IDLE_SECONDS}
_OWN = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})


@dataclass(frozen=True, slots=True)
class Reply:
    """``body`` is the beginning of what came, as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Download:
    """An answer under way: iterate over it once. ``total`` is None where the server does not say."""

    def __init__(self, response: httpcore.Response, max_bytes: int, deadline: float) -> None:
        self._response = response
        self._max_bytes = max_bytes
        self._deadline = deadline
        self.total = _length_of(response)
        if self.total is not None and self.total > max_bytes:
            raise _too_large(max_bytes)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Ends only where all of it came; a connection that broke is ``Unavailable``."""
        received = 0
        pieces = self._response.aiter_stream()
        while True:
            with _refusals():
                # Per piece, not around the loop: a timeout must never strike while the caller has the turn.
                async with asyncio.timeout_at(self._deadline):
                    piece = await anext(pieces, None)
            if piece is None:
                return
            received += len(piece)
            if received > self._max_bytes:
                raise _too_large(self._max_bytes)
            yield piece


class Outbound:
    """``resolve`` is asked once a request. ``context`` is for those who sign their own certificates."""

    def __init__(
        self, allowed: Allowed, *, resolve: Resolve = resolved, context: ssl.SSLContext | None = None
    ) -> None:
        self.allowed = allowed
        self._resolve = resolve
        self._context = context

    def check(self, url: str, field: str = "url") -> Place:
        """Refuses what no request would be made to, as far as that can be said without asking anybody."""
        return self.allowed.place(url, field)

    @asynccontextmanager
    async def stream_get(
        self, url: str, *, max_bytes: int, seconds: float, field: str = "url"
    ) -> AsyncIterator[Download]:
        """The body of a 200 in pieces. ``seconds`` is for all of it, ``max_bytes`` too."""
        deadline = asyncio.get_running_loop().time() + seconds
        async with self._asked("GET", url, {}, b"", deadline, field) as response:
            _check_status(response.status, field)
            if _header(response, b"content-encoding").lower() not in ("", "identity"):
                raise InvalidArgument("the server sends the file compressed, unasked", field=field)
            yield Download(response, max_bytes, deadline)

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        max_bytes: int = MAX_REPLY_BYTES,
        seconds: float = POST_SECONDS,
        field: str = "url",
    ) -> Reply:
        """Any status is an answer; a redirect is not followed. What is past ``max_bytes`` is not read."""
        deadline = asyncio.get_running_loop().time() + seconds
        async with self._asked("POST", url, headers, body, deadline, field) as response:
            read = bytearray()
            with _refusals():
                async with asyncio.timeout_at(deadline):
                    async for piece in response.aiter_stream():
                        read += piece
                        if len(read) >= max_bytes:
                            break
            named = {name.decode().lower(): value.decode("latin-1") for name, value in response.headers}
            return Reply(response.status, named, bytes(read[:max_bytes]))

    @asynccontextmanager
    async def _asked(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, deadline: float, field: str
    ) -> AsyncIterator[httpcore.Response]:
        place = self.check(url, field)
        sent = _headers(place, headers)
        if method == "POST":
            sent.append((b"Content-Length", str(len(body)).encode()))
        with _refusals():
            async with asyncio.timeout_at(deadline):
                addresses = await checked_addresses(place, self._resolve, field)
        backend = _Pinned(addresses)
        async with httpcore.AsyncConnectionPool(self._context, network_backend=backend) as pool:
            request = httpcore.Request(
                method, f"{place.scheme}://{place.host}:{place.port}{place.target}",
                headers=sent, content=body or None, extensions={"timeout": _TIMEOUTS},
            )  # fmt: skip
            with _refusals():
                async with asyncio.timeout_at(deadline):
                    response = await pool.handle_async_request(request)
            try:
                yield response
            finally:
                await response.aclose()


class _Pinned(httpcore.AsyncNetworkBackend):
    """Connects to the addresses that were checked, whatever the name means by now."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        for address in self._addresses[:-1]:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        last = self._addresses[-1]
        return await self._network.connect_tcp(last, port, timeout, local_address, socket_options)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (TimeoutError, httpcore.TimeoutException) as error:
        raise DeadlineExceeded("the other server takes too long") from error
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        raise Unavailable("the other server cannot be reached, or broke off") from error


def _headers(place: Place, headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    own = {"Host": place.authority, "Accept-Encoding": "identity", "Connection": "close"}
    for name, value in headers.items():
        if name.lower() in _OWN:
            raise InvalidArgument(f"the header {name} is not the caller's to set", field="headers")
        check_header_value(value, "headers")
    return [(name.encode(), value.encode("latin-1")) for name, value in {**own, **headers}.items()]


def _check_status(status: int, field: str) -> None:
    if status == 200:
        return
    if 300 <= status < 400:
        raise PermissionDenied(
            "the server sends elsewhere; name the place itself", field=field, status=status
        )
    if status in (404, 410):
        raise NotFound("the server has nothing there", field=field, status=status)
    if status == 429 or status >= 500:
        raise Unavailable(f"the other server answered {status}", status=status)
    raise InvalidArgument(f"the other server answered {status}", field=field, status=status)


def _length_of(response: httpcore.Response) -> int | None:
    text = _header(response, b"content-length")
    return int(text) if text.isascii() and text.isdigit() else None


def _header(response: httpcore.Response, wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in response.headers if name.lower() == wanted), "")


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the other server sends more than {limit} bytes", limit=limit)
