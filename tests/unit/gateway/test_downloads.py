"""Files of versions on their way out: parts of them, and what happens when either side leaves."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from colonnade.errors import Unavailable
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.http.errors import OutOfRange
from colonnade.gateway.http.ranges import Part, part_of
from tests.unit.gateway.fakes import House
from tests.unit.gateway.memory_drafts import PATH
from tests.unit.gateway.memory_registry import CONTENT, FILE
from tests.unit.gateway.served import SECONDS, running

URL = f"/models/tiny/versions/1/files/{PATH}"
ASK = f"GET {URL} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()
SIZE = len(CONTENT)


class Reading:
    """What a registry sends of a file, and whether it was let go."""

    def __init__(self, *chunks: bytes, fault: Exception | None = None) -> None:
        self._chunks, self._fault = chunks, fault
        self.closed = asyncio.Event()

    async def __call__(self, caller: Caller, digest: str, offset: int = 0) -> AsyncGenerator[bytes, None]:
        try:
            for chunk in self._chunks:
                yield chunk
            if self._fault is not None:
                raise self._fault
        finally:
            self.closed.set()


def reading(house: House, *chunks: bytes, fault: Exception | None = None) -> Reading:
    made = Reading(*chunks, fault=fault)
    house.drafts.read_file = made  # type: ignore[method-assign]
    return made


def large(house: House) -> Reading:
    """More than any buffer on the way takes."""
    record = house.catalogue.versions["tiny", 1]
    file = replace(FILE, size_bytes=200_000_000)
    version = replace(record.version, artefacts=(file,))
    house.catalogue.versions["tiny", 1] = replace(record, version=version)
    return reading(house, *[b"x" * 1_000_000] * 200)


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-", 0, SIZE),
        ("bytes=5-", 5, SIZE),
        ("bytes=2-4", 2, 5),
        ("bytes=0-0", 0, 1),
        ("bytes=3-99", 3, SIZE),
        ("bytes=-5", SIZE - 5, SIZE),
        ("bytes=-99", 0, SIZE),
    ],
)
async def test_a_part(client: httpx.AsyncClient, asked: str, start: int, end: int) -> None:
    part = await client.get(URL, headers={"range": asked})
    assert (part.status_code, part.content) == (206, CONTENT[start:end])
    assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert part.headers["content-length"] == str(end - start)


@pytest.mark.parametrize(
    "asked", ["lines=1-", "bytes=1-2,4-5", "bytes=4-2", "bytes=-", "bytes", "", "bytes=x-"]
)
async def test_what_is_no_range_is_not_looked_at(client: httpx.AsyncClient, asked: str) -> None:
    whole = await client.get(URL, headers={"range": asked})
    assert (whole.status_code, whole.content) == (200, CONTENT)


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", "bytes=99-100", "bytes=-0"])
async def test_a_part_that_is_not_there(client: httpx.AsyncClient, asked: str) -> None:
    answer = await client.get(URL, headers={"range": asked})
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{SIZE}")
    assert answer.json()["error"]["details"] == {"field": "range", "limit": SIZE}


async def test_a_part_of_what_one_has_begun_with(client: httpx.AsyncClient) -> None:
    etag = (await client.get(URL)).headers["etag"]
    assert etag == f'"{FILE.digest}"'
    same = await client.get(URL, headers={"range": "bytes=5-", "if-range": etag})
    other = await client.get(URL, headers={"range": "bytes=5-", "if-range": '"sha256:other"'})
    assert (same.status_code, other.status_code) == (206, 200)


@given(st.text(max_size=30), st.integers(0, 50))
def test_any_range_is_inside_the_file(text: str, size: int) -> None:
    for asked in (text, f"bytes={text}"):
        header = asked.encode("latin-1", "replace")
        try:
            part = part_of(Headers(raw=[(b"range", header)]), size)
        except OutOfRange:
            continue
        assert 0 <= part.start <= part.end <= size
        assert part.asked or part == Part.whole(size)


async def test_empty_pieces_end_nothing(house: House, client: httpx.AsyncClient) -> None:
    """A registry begins with one, as soon as it knows that the file is there."""
    reading(house, b"", CONTENT[:4], b"", CONTENT[4:])
    assert (await client.get(URL)).content == CONTENT


async def test_a_registry_that_is_away_is_an_ordinary_refusal(house: House) -> None:
    reading(house, fault=Unavailable("the registry is away"))
    async with house.client() as client:
        assert (await client.get(URL)).status_code == 503


async def test_a_registry_that_dies_halfway_ends_the_connection(logs: list[Any]) -> None:
    async with running() as server:
        reading(server.house, CONTENT[:4], fault=Unavailable("the registry is away"))
        async with contextlib.aclosing(await server.open()) as wire:
            wire.send(ASK)
            head, _, body = (await wire.rest()).partition(b"\r\n\r\n")
        assert (f"content-length: {SIZE}".encode() in head, body) == (True, CONTENT[:4])
        await server.works()
    [told] = [line for line in logs if line.get("route", "").endswith("files/{path}")]
    assert (told["status"], told["failure"]) == (200, "unavailable")
    assert not [line for line in logs if line["log_level"] == "error"]


async def test_a_client_that_leaves_halfway_lets_the_registry_go(logs: list[Any]) -> None:
    async with running() as server:
        read = large(server.house)
        wire = await server.open()
        wire.send(ASK)
        await wire.until(b"\r\n\r\n")
        await wire.aclose()
        await asyncio.wait_for(read.closed.wait(), SECONDS)
        await server.works()
    [told] = [line for line in logs if line.get("route", "").endswith("files/{path}")]
    assert told["failure"] == "cancelled"


async def test_a_client_that_takes_nothing_is_let_go() -> None:
    async with running(untaken_seconds=0.2) as server:
        read = large(server.house)
        async with contextlib.aclosing(await server.open()) as wire:
            wire.send(ASK)
            await asyncio.wait_for(read.closed.wait(), SECONDS)
        await server.works()
