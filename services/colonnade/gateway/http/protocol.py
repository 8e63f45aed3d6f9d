"""HTTP/1.1 on one connection: uvicorn's parser, with the bounds that it leaves open.

Bounded here: connections, the size of a head, the time it takes to arrive, and how long a client takes
nothing of what is sent to it. And all requests of a connection learn that it was lost, not only the last
one that was pipelined.
"""

import socket
from asyncio import Transport
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from colonnade.errors import ColonnadeError, InvalidArgument, Overloaded
from colonnade.gateway.http.errors import HeadTooLarge, TooSlow, error_json, status_of
from colonnade.gateway.http.options import HttpOptions


class BoundedProtocol(HttpToolsProtocol):
    options: ClassVar[HttpOptions]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_timer: Any = None
        self._head_bytes = 0
        self._refusal: ColonnadeError | None = None
        self._started: RequestResponseCycle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        _let_go(transport, self.options.untaken_seconds)
        if len(self.connections) > self.options.max_connections:
            self._refuse(
                Overloaded(
                    f"the gateway has {self.options.max_connections} connections and is full",
                    limit=self.options.max_connections,
                    retry_after_seconds=1,
                )
            )
        else:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        for cycle in (self._started, *(queued for queued, _ in self.pipeline)):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self._expect_head()
        super().data_received(data)

    def on_message_begin(self) -> None:
        self._head_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_head(len(name) + len(value))
        super().on_header(name, value)
        if len(self.headers) > self.options.max_headers:
            self._too_large("headers", self.options.max_headers, "lines")

    def on_headers_complete(self) -> None:
        self._stop_head_timer()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._refusal or InvalidArgument("this is not a valid HTTP request", field="request"))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._started = cycle
        super()._start_asgi_task(cycle, app)

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self.options.max_head_bytes:
            self._too_large("request head", self.options.max_head_bytes, "bytes")

    def _too_large(self, what: str, limit: int, unit: str) -> None:
        """Ends parsing: the parser hands the exception on as an invalid request."""
        self._refusal = HeadTooLarge(f"the {what} may have at most {limit} {unit}", field=what, limit=limit)
        raise self._refusal

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.options.head_seconds, self._head_late)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_late(self) -> None:
        seconds = self.options.head_seconds
        self._refuse(
            TooSlow(f"the request did not arrive within {seconds:g} seconds", field="request", limit=seconds)
        )

    def _answering(self) -> bool:
        """Whether a whole request waits for its answer: what is written now would be taken for that."""
        cycle = self._started
        return (
            cycle is not None
            and not cycle.response_complete
            and (cycle.response_started or not cycle.more_body)
        )

    def _refuse(self, error: ColonnadeError) -> None:
        """An answer from outside the application. A request that is being answered just ends."""
        self._stop_head_timer()
        if self.transport.is_closing():
            return
        if not self._answering():
            body = error_json(error, "")
            head = (
                b"content-type: application/json\r\nconnection: close\r\n"
                b"content-length: " + str(len(body)).encode() + b"\r\n\r\n"
            )
            self.transport.write(STATUS_LINE[status_of(error)] + head + body)
        self.transport.close()


def _let_go(transport: Transport, seconds: float) -> None:
    """Has the system end the connection once its other side takes nothing for so long, where it can."""
    if (option := getattr(socket, "TCP_USER_TIMEOUT", None)) is not None:
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, option, round(seconds * 1000))


def bounded(options: HttpOptions) -> type[BoundedProtocol]:
    """The protocol class for a server with these bounds."""
    return type("BoundedProtocol", (BoundedProtocol,), {"options": options})
