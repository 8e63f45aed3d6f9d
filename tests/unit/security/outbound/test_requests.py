"""Against a server on the loopback that answers with whatever bytes a test gives it."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from colonnade.errors import (
    ColonnadeError,
    DeadlineExceeded,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    TooLarge,
    Unavailable,
)
from colonnade.security.outbound import Allowed, Outbound

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Heard:
    """What the server was sent."""

    port = 0

    def __init__(self) -> None:
        self.requests: list[bytes] = []


@asynccontextmanager
async def server(answer: Answer | bytes) -> AsyncIterator[Heard]:
    heard = Heard()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            heard.requests.append(head + await reader.readexactly(int(length[0][15:]) if length else 0))
            if isinstance(answer, bytes):
                writer.write(answer)
                await writer.drain()
            else:
                await answer(writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the other side has had enough
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    heard.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield heard


def outbound(*, pattern: str = "http+private://models.test:*", first: str = "127.0.0.1") -> Outbound:
    """Its resolver answers truthfully once and with a foreign address ever after."""
    answers = [first]

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return [answers.pop() if answers else "169.254.169.254"]

    return Outbound(Allowed.parse(pattern, "COLONNADE_TEST_URLS"), resolve=resolve)


def url(heard: Heard, path: str = "/poet.gguf") -> str:
    return f"http://models.test:{heard.port}{path}"


async def got(out: Outbound, where: str, *, max_bytes: int = 1000, seconds: float = 30.0) -> bytes:
    async with out.stream_get(where, max_bytes=max_bytes, seconds=seconds) as download:
        return b"".join([piece async for piece in download])


def ok(body: bytes, *headers: str) -> bytes:
    head = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


async def test_a_body_comes_in_pieces_and_its_length_is_known() -> None:
    async with (
        server(ok(b"weights")) as heard,
        outbound().stream_get(url(heard), max_bytes=10, seconds=30) as download,
    ):
        assert download.total == 7
        assert b"".join([piece async for piece in download]) == b"weights"
    sent = heard.requests[0].lower()
    assert sent.startswith(b"get /poet.gguf http/1.1\r\n")
    assert f"host: models.test:{heard.port}\r\n".encode() in sent
    assert b"accept-encoding: identity" in sent


async def test_a_name_is_resolved_once_so_rebinding_it_changes_nothing() -> None:
    async with server(ok(b"weights")) as heard:
        out = outbound()
        assert await got(out, url(heard)) == b"weights"
        with pytest.raises(PermissionDenied):  # who asks again is told the foreign address
            await got(out, url(heard))
    assert len(heard.requests) == 1


async def test_a_name_that_leads_here_is_refused_before_anything_is_sent() -> None:
    async with server(ok(b"secret")) as heard:
        with pytest.raises(PermissionDenied):
            await got(outbound(pattern="http://models.test:*"), url(heard))
        with pytest.raises(PermissionDenied):
            await got(outbound(first="::ffff:127.0.0.1"), url(heard))
    assert not heard.requests


async def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with server(ok(b"weights")) as heard:
        assert await got(outbound(), url(heard)) == b"weights"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, PermissionDenied), (302, PermissionDenied), (307, PermissionDenied), (304, PermissionDenied),
        (404, NotFound), (410, NotFound), (206, InvalidArgument), (401, InvalidArgument),
        (403, InvalidArgument), (429, Unavailable), (500, Unavailable), (503, Unavailable),
    ],
)  # fmt: skip
async def test_a_redirect_is_not_followed_and_no_other_status_is_a_file(
    status: int, error: type[ColonnadeError]
) -> None:
    answer = f"HTTP/1.1 {status} X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".encode()
    async with server(answer) as heard:
        with pytest.raises(error):
            await got(outbound(), url(heard))
    assert len(heard.requests) == 1


async def test_an_announced_length_past_the_limit_is_refused_before_a_byte() -> None:
    async with server(ok(b"x" * 1001)) as heard:
        with pytest.raises(TooLarge):
            await got(outbound(), url(heard))


async def test_an_endless_body_meets_the_limit_of_bytes() -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 4096)
            await writer.drain()

    async with server(endless) as heard:
        with pytest.raises(TooLarge):
            await got(outbound(), url(heard), max_bytes=100_000)


async def test_a_body_that_drips_meets_the_limit_of_time() -> None:
    async def dripping(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with server(dripping) as heard:
        with pytest.raises(DeadlineExceeded):
            await got(outbound(), url(heard), max_bytes=100_000, seconds=0.3)


async def test_a_server_that_never_answers_meets_it_too() -> None:
    async def silent(_writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with server(silent) as heard:
        with pytest.raises(DeadlineExceeded):
            await got(outbound(), url(heard), seconds=0.2)
        with pytest.raises(DeadlineExceeded):
            await outbound().post(url(heard), b"{}", {}, seconds=0.2)


async def test_a_body_that_breaks_off_is_no_file() -> None:
    async with server(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf") as heard:
        with pytest.raises(Unavailable):
            await got(outbound(), url(heard))


async def test_nothing_is_decompressed() -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    async with server(ok(bomb, "Content-Encoding: gzip")) as heard:
        with pytest.raises(InvalidArgument):
            await got(outbound(), url(heard), max_bytes=100_000)
        reply = await outbound().post(url(heard), b"{}", {})
    assert reply.body == bomb


async def test_headers_without_an_end_are_refused() -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-Name: " + b"x" * 4096 + b"\r\n")
            await writer.drain()

    async with server(endless) as heard:
        with pytest.raises(Unavailable):
            await got(outbound(), url(heard))


async def test_a_closed_port_is_unavailable() -> None:
    async with server(ok(b"")) as heard:
        where = url(heard)
    with pytest.raises(Unavailable):
        await got(outbound(), where)


async def test_a_post_carries_its_body_and_any_status_is_an_answer() -> None:
    async with server(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 4\r\n\r\nmove") as heard:
        reply = await outbound().post(url(heard, "/hook"), b'{"a":1}', {"X-Signature": "s"}, max_bytes=2)
    assert (reply.status, reply.headers["location"], reply.body) == (302, "/", b"mo")
    sent = heard.requests[0]
    assert sent.endswith(b'\r\n\r\n{"a":1}')
    assert b"X-Signature: s\r\n" in sent


async def test_of_an_endless_answer_to_a_post_the_beginning_is_read() -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 4096)
            await writer.drain()

    async with server(endless) as heard:
        assert (await outbound().post(url(heard), b"", {}, max_bytes=10)).body == b"x" * 10


@pytest.mark.parametrize("headers", [{"Host": "x"}, {"content-length": "1"}, {"X-A": "a\r\nX-B: b"}])
async def test_headers_that_would_change_the_request_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(InvalidArgument):
        await outbound().post("http://models.test:1/", b"", headers)


async def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.2", "127.0.0.1"]  # the server listens at the second alone

    async with server(ok(b"weights")) as heard:
        out = Outbound(Allowed.parse("http+private://models.test:*"), resolve=resolve)
        assert await got(out, url(heard)) == b"weights"
