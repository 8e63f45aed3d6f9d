"""Forms with a file: however they are cut on their way, and whatever is wrong with them."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from colonnade.errors import ColonnadeError, InvalidArgument, TooLarge, Unsupported
from colonnade.gateway.domain.files import Purpose
from colonnade.gateway.http.errors import ClientGone, TooSlow, UnsupportedMediaType
from colonnade.gateway.http.openai.upload import Upload
from colonnade.gateway.http.options import HttpOptions

OPTIONS = HttpOptions(max_file_bytes=1000, upload_seconds=30)
SILENCE = b"never"
"""A client that sends nothing more."""
FILE = 'name="file"; filename="lines.jsonl"'


def part(disposition: str, content: bytes) -> bytes:
    return f"--XyX\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--XyX--\r\n"


PURPOSE = part('name="purpose"', b"batch")
GOOD = form(PURPOSE, part(FILE, b"{}\n"))


def upload(pieces: Sequence[bytes | None], options: HttpOptions = OPTIONS, **headers: str) -> Upload:
    """``None`` is a client that goes away."""
    messages: list[dict[str, Any]] = [
        {"type": "http.disconnect"}
        if each is None
        else {"type": "http.request", "body": each, "more_body": True}
        for each in pieces
    ]
    messages.append({"type": "http.request", "body": b"", "more_body": False})
    waiting = iter(messages)

    async def receive() -> dict[str, Any]:
        message = next(waiting)
        if message.get("body") == SILENCE:
            await asyncio.Event().wait()
        return message

    given = {"content-type": "multipart/form-data; boundary=XyX"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    raw = [(name.encode(), value.encode()) for name, value in given.items()]
    return Upload(Request({"type": "http", "headers": raw}, receive), options)


async def content(each: Upload) -> bytes:
    return b"".join([chunk async for chunk in each.chunks()])


async def refusal(*pieces: bytes | None, **headers: str) -> ColonnadeError:
    try:
        made = upload(pieces, OPTIONS, **headers)
        await content(made)
        return pytest.fail(f"{made.filename} for {made.purpose} was taken")
    except ColonnadeError as error:
        return error


@given(st.binary(max_size=200), st.integers(1, 60), st.booleans())
async def test_a_file_comes_through_however_it_is_cut(sent: bytes, size: int, last: bool) -> None:
    if b"--XyX" in sent:
        sent = b""
    parts = [part(FILE, sent), PURPOSE] if last else [PURPOSE, part(FILE, sent)]
    whole = form(*parts)
    made = upload([whole[at : at + size] for at in range(0, len(whole), size)])
    assert await content(made) == sent
    assert (made.filename, made.purpose) == ("lines.jsonl", Purpose.BATCH)


@given(st.lists(st.binary(max_size=80), max_size=5))
async def test_no_bytes_break_it(pieces: list[bytes]) -> None:
    assert isinstance(await refusal(*pieces), InvalidArgument | TooLarge | Unsupported)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"nonsense", "body"),
        (GOOD[:-10], "body"),
        (form(PURPOSE), "file"),
        (form(part(FILE, b"{}")), "purpose"),
        (form(part('name="purpose"', b"fine-tune")), "purpose"),
        (form(PURPOSE, PURPOSE), "body"),
        (form(PURPOSE, part('name="file"', b"{}")), "body"),
        (form(PURPOSE, part(FILE, b"{}"), part(FILE, b"{}")), "file"),
        (form(part('name="other"', b"x")), "body"),
        (form(part('name="expires_after[anchor]"', b"created_at")), "expires_after"),
        (form(PURPOSE, part('name="file"; filename=""', b"{}")), "filename"),
        (form(PURPOSE, part('name="file"; filename="' + "x" * 300 + '"', b"{}")), "filename"),
        (form(part('name="purpose"', b"b" * 2000)), "purpose"),
        (form(PURPOSE, part(FILE, b"x" * 70_000)), "file"),
    ],
    ids=[
        "empty", "nonsense", "cut", "no file", "no purpose", "other purpose", "two purposes", "file as text",
        "two files", "other field", "expiry", "no name", "long name", "long purpose", "too large",
    ],
)  # fmt: skip
async def test_what_is_wrong_names_its_field(body: bytes, field: str) -> None:
    assert (await refusal(body)).details["field"] == field


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"content_type": "application/json"}, UnsupportedMediaType),
        ({"content_type": "multipart/form-data"}, UnsupportedMediaType),
        ({"content_type": "multipart/form-data; boundary=" + "x" * 71}, UnsupportedMediaType),
        ({"content_encoding": "gzip"}, UnsupportedMediaType),
        ({"content_length": "99999999"}, TooLarge),
        ({"content_length": "-1"}, InvalidArgument),
        ({"content_length": "9" * 30}, TooLarge),
    ],
    ids=["json", "no boundary", "long boundary", "gzip", "too long", "negative", "no number"],
)
async def test_headers_that_say_enough(headers: dict[str, str], kind: type[ColonnadeError]) -> None:
    assert isinstance(await refusal(GOOD, **headers), kind)


async def test_a_name_is_its_last_part() -> None:
    for name in ("C:\\secret\\a.jsonl", "../../etc/a.jsonl"):
        made = upload([form(PURPOSE, part(f'name="file"; filename="{name}"', b"{}"))])
        await content(made)
        assert made.filename == "a.jsonl"


async def test_a_client_that_goes_away_or_is_slow() -> None:
    with pytest.raises(ClientGone):
        await content(upload([GOOD[:50], None]))
    with pytest.raises(TooSlow):
        await content(upload([GOOD[:50], SILENCE], HttpOptions(upload_seconds=0.01)))
