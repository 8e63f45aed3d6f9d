"""What receivers of webhooks answer, over a real connection."""

import asyncio
from datetime import timedelta

from colonnade.registry.adapters.webhook_posts import OutboundDeliverer
from colonnade.registry.events.ports import Answer
from colonnade.security.outbound import Allowed, Outbound

ANSWERS = {
    b"/ok": (b"200 OK\r\nContent-Length: 0", Answer(200)),
    b"/busy": (b"503 Busy\r\nRetry-After: 7\r\nContent-Length: 0", Answer(503, timedelta(seconds=7))),
    b"/odd": (b"429 No\r\nretry-after: soon\r\nContent-Length: 0", Answer(429)),
    b"/away": (b"307 There\r\nLocation: /ok\r\nContent-Length: 0", Answer(307)),
}


async def test_what_it_answers_and_how_long_it_wants_to_be_left_alone() -> None:
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).split(b" ")[1])
        writer.write(b"HTTP/1.1 " + ANSWERS[asked[-1]][0] + b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    deliverer = OutboundDeliverer(Outbound(Allowed.parse(f"http+private://{place}")))
    async with server:
        for path, (_, wanted) in ANSWERS.items():
            assert await deliverer.post(f"http://{place}{path.decode()}", {}, b"") == wanted
    assert asked == list(ANSWERS)
