"""The real server on a loopback port, spoken to byte by byte: what a client library would never send."""

import asyncio
import contextlib
import json
import socket
from typing import Any

import pytest

from colonnade.errors import InvalidArgument
from colonnade.gateway.domain.generation import Chunk, Token
from colonnade.gateway.http import streaming
from colonnade.gateway.http.server import bind
from tests.unit.gateway.fakes import finish
from tests.unit.gateway.served import GET, SECONDS, STREAM, WHOLE, generate, running


async def refused(answer: tuple[int, dict[str, str], bytes], status: int) -> dict[str, Any]:
    assert answer[0] == status, answer
    error: dict[str, Any] = json.loads(answer[2])["error"]
    assert set(error) == {"code", "message", "details", "request_id"}
    return error


async def test_requests_follow_each_other_on_one_connection() -> None:
    async with running() as server, contextlib.aclosing(await server.open()) as wire:
        for request in (GET, WHOLE, GET):
            wire.send(request)
            assert (await wire.answer())[0] == 200
        wire.send(generate(b'{"prompt": ""}'))
        assert (await wire.answer())[0] == 400
        wire.send(WHOLE)
        assert (await wire.answer())[0] == 200


@pytest.mark.parametrize("request_", [STREAM, WHOLE], ids=["stream", "json"])
async def test_a_client_that_goes_away_stops_the_generation(request_: bytes, logs: list[Any]) -> None:
    async with running() as server:
        generator = server.house.generator
        generator.gate = asyncio.Event()
        wire = await server.open()
        wire.send(request_)
        await asyncio.wait_for(generator.entered.wait(), SECONDS)
        if request_ == STREAM:
            await wire.until(b'"text":"Pa"')
        assert generator.running == 1
        await wire.aclose()
        await asyncio.wait_for(generator.closed.wait(), SECONDS)
        assert generator.running == 0
        generator.gate.set()
        await server.works()
        assert ("generate", "cancelled") in server.house.audit.seen
        told = [line for line in logs if line.get("route") == "POST /generate"]
        assert told[0]["failure"] == "cancelled"
        assert not [line for line in logs if line["log_level"] == "error"]


async def test_the_first_of_two_pipelined_requests_learns_of_it_too() -> None:
    async with running() as server:
        generator = server.house.generator
        generator.gate = asyncio.Event()
        wire = await server.open()
        wire.send(STREAM + WHOLE)
        await wire.until(b'"text":"Pa"')
        await wire.aclose()
        await asyncio.wait_for(generator.closed.wait(), SECONDS)
        assert len(generator.specs) == 1


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with running() as server, contextlib.aclosing(await server.open()) as wire:
        bad = generate(b'{"prompt": ""}')
        wire.send(WHOLE + bad + GET)
        assert [(await wire.answer())[0] for _ in range(3)] == [200, 400, 200]


async def test_text_arrives_as_it_is_made() -> None:
    async with running() as server:
        generator = server.house.generator
        generator.gate = asyncio.Event()
        async with contextlib.aclosing(await server.open()) as wire:
            wire.send(STREAM)
            head = await wire.until(b'"text":"Pa"')
            assert b"text/event-stream" in head
            assert not generator.gate.is_set()
            generator.gate.set()
            await wire.until(b"data: [DONE]\n\n")


async def test_a_client_that_leaves_in_the_middle_of_its_body() -> None:
    async with running() as server:
        wire = await server.open()
        wire.send(WHOLE[:-5])
        await wire.writer.drain()
        await wire.aclose()
        await server.works()
        assert len(server.house.generator.specs) == 1


async def test_a_body_that_does_not_come() -> None:
    async with running(body_seconds=0.1) as server:
        error = await refused(await server.ask(WHOLE[:-5]), 408)
        assert error["details"] == {"field": "body", "limit": 0.1}
        await server.works()


@pytest.mark.parametrize("start", [b"", b"POST /gen", b"GET / HTTP/1.1\r\nhost: a\r\nx", b"\r\n\r\n"])
async def test_a_head_that_does_not_come(start: bytes) -> None:
    async with running(head_seconds=0.1) as server:
        error = await refused(await server.ask(start), 408)
        assert error["details"]["limit"] == 0.1
        await server.works()


async def test_a_second_head_that_does_not_come() -> None:
    async with running(head_seconds=0.1) as server, contextlib.aclosing(await server.open()) as wire:
        wire.send(GET)
        assert (await wire.answer())[0] == 200
        wire.send(b"GET /ver")
        await refused(await wire.answer(), 408)
        assert await wire.rest() == b""


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"GET /version HTTP/1.1\r\nho st: a\r\n\r\n", 400),
        (b"GET /version HTTP/9.9\r\nhost: 127.0.0.1\r\n\r\n", 400),
        (generate(b"{}", b"transfer-encoding: chunked\r\n"), 400),
        (generate(b"{}", b"content-length: 3\r\n"), 400),
        (b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nhost: a\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 40_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nhost: a\r\n" + b"x: y\r\n" * 200 + b"\r\n", 431),
        (b"GET /version HTTP/1.1\r\n\r\n", 403),
        (b"GET /version HTTP/1.1\r\nhost: evil.example\r\n\r\n", 403),
    ],
)
async def test_what_is_not_http_or_too_much_of_it(request_: bytes, status: int) -> None:
    async with running() as server:
        await refused(await server.ask(request_), status)
        await server.works()


async def test_a_head_that_is_too_large_names_limit_and_unit() -> None:
    async with running() as server:
        _, _, body = await server.ask(b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nhost: a\r\n\r\n")
        assert b"the request head may have at most 32768 bytes" in body


async def test_a_chunked_body() -> None:
    head = b"POST /generate HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    head += b"transfer-encoding: chunked\r\n\r\n"
    async with running(max_body_bytes=1000) as server:
        good = head + b"8\r\n" + b'{"prompt' + b"\r\n6\r\n" + b'":"x"}' + b"\r\n0\r\n\r\n"
        assert (await server.ask(good))[0] == 200
        too_large = head + (b"400\r\n" + b" " * 1024 + b"\r\n")
        await refused(await server.ask(too_large), 413)
        await refused(await server.ask(head + b"zz\r\n"), 400)
        await server.works()


async def test_garbage_after_a_request_does_not_get_into_its_answer() -> None:
    async with running() as server:
        generator = server.house.generator
        generator.gate = asyncio.Event()
        async with contextlib.aclosing(await server.open()) as wire:
            wire.send(STREAM)
            await wire.until(b'"text":"Pa"')
            wire.send(b"\x00\x01 nonsense\r\n\r\n")
            await asyncio.wait_for(generator.closed.wait(), SECONDS)
            assert b"HTTP/1.1 400" not in await wire.rest()


async def test_100_continue_comes_only_to_those_who_may() -> None:
    async with running() as server, contextlib.aclosing(await server.open()) as wire:
        head, _, body = generate(b'{"prompt": "x"}', b"expect: 100-continue\r\n").partition(b"\r\n\r\n")
        wire.send(head + b"\r\n\r\n")
        assert await wire.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.send(body)
        assert (await wire.answer())[0] == 200
        wire.send(head.replace(b"application/json", b"text/plain") + b"\r\n\r\n")
        assert (await wire.answer())[0] == 415


async def test_connections_are_bounded() -> None:
    async with running(max_connections=1) as server, contextlib.aclosing(await server.open()) as first:
        first.send(GET)
        assert (await first.answer())[0] == 200
        async with contextlib.aclosing(await server.open()) as second:
            error = await refused(await second.answer(), 429)
            assert error["details"]["limit"] == 1
            assert await second.rest() == b""
        first.send(GET)
        assert (await first.answer())[0] == 200


async def test_requests_are_bounded_and_health_is_still_seen() -> None:
    async with running(max_requests=1) as server:
        generator = server.house.generator
        generator.gate = asyncio.Event()
        async with contextlib.aclosing(await server.open()) as wire:
            wire.send(WHOLE)
            await asyncio.wait_for(generator.entered.wait(), SECONDS)
            answer = await server.ask(WHOLE)
            await refused(answer, 429)
            assert answer[1]["retry-after"] == "1"
            assert (await server.ask(GET.replace(b"/version", b"/health/live")))[0] == 200
            generator.gate.set()
            assert (await wire.answer())[0] == 200
        await server.works()


async def test_running_streams_finish_when_told_to_stop() -> None:
    async with running() as server:
        generator = server.house.generator
        generator.gate = asyncio.Event()
        async with contextlib.aclosing(await server.open()) as wire, contextlib.aclosing(await server.open()):
            wire.send(STREAM)
            await wire.until(b'"text":"Pa"')
            server.stop.set()
            await _refuses_connections(server.port)
            assert not server.task.done()
            generator.gate.set()
            assert b"data: [DONE]\n\n" in await wire.rest()
            await asyncio.wait_for(server.task, SECONDS)


async def test_streams_that_do_not_finish_are_ended() -> None:
    async with running(drain_seconds=0.1) as server:
        server.house.generator.gate = asyncio.Event()
        async with contextlib.aclosing(await server.open()) as wire:
            wire.send(STREAM)
            await wire.until(b'"text":"Pa"')
            server.stop.set()
            assert b"[DONE]" not in await wire.rest()
            await asyncio.wait_for(server.house.generator.closed.wait(), SECONDS)


async def _refuses_connections(port: int) -> None:
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                return
            except ConnectionResetError:
                continue  # taken by the kernel before the port closed, by nobody after
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def test_a_client_that_does_not_read_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "_SLACK_SECONDS", 0.1)
    async with running(request_seconds=0.2) as server:
        text = "x" * 1_000_000
        endless = [Chunk(text, (Token(1, text),))] * 200
        server.house.generator.chunks = [*endless, Chunk("", (), finish())]
        async with contextlib.aclosing(await server.open()) as wire:
            wire.send(STREAM)
            await asyncio.wait_for(server.house.generator.closed.wait(), SECONDS)
        assert ("generate", "cancelled") in server.house.audit.seen


def test_an_address_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidArgument, match=f"127.0.0.1:{port}"):
            bind(f"127.0.0.1:{port}")


@pytest.mark.parametrize("listen", ["nowhere", "unix:/tmp/x", "host:port", "127.0.0.1", "999.1.1.1:80"])
def test_an_address_that_is_none(listen: str) -> None:
    with pytest.raises(InvalidArgument):
        bind(listen)
