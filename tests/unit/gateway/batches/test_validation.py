"""What is wrong with an input file is found before anything is asked, and told by its line."""

import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.gateway.domain.batches import MAX_ERRORS, BatchError
from colonnade.gateway.service.batches import Bounds
from colonnade.gateway.service.batches.validation import Validation

ENDPOINT = "/v1/chat/completions"
BOUNDS = Bounds(lines=200, line_bytes=300)
GOOD: dict[str, Any] = {"custom_id": "a", "method": "POST", "url": ENDPOINT, "body": {"model": "tiny"}}


async def checked(*lines: bytes) -> Validation:
    async def blocks() -> AsyncGenerator[Sequence[tuple[int, bytes]], None]:
        numbered = list(enumerate(lines, 1))
        for start in range(0, len(numbered), 64):
            yield numbered[start : start + 64]

    validation = Validation(ENDPOINT, BOUNDS)
    await validation.check(blocks())
    return validation


def line(**change: Any) -> bytes:
    return json.dumps(GOOD | change).encode() + b"\n"


async def test_a_file_as_it_must_be() -> None:
    found = await checked(
        line(), b"\n", line(custom_id="b").replace(b"\n", b"\r\n"), b"  \n", line(custom_id="é")
    )
    assert (found.errors, found.lines) == ([], 3)


@pytest.mark.parametrize(
    ("wrong", "code", "param"),
    [
        (b"not json\n", "invalid_json_line", None),
        (b"[1]\n", "invalid_json_line", None),
        (b"\xff\xfe\n", "invalid_json_line", None),
        (b'{"custom_id": "a", "custom_id": "b"}\n', "invalid_json_line", None),
        (line(body={"temperature": float("nan")}), "invalid_json_line", None),
        (line(body={"prompt": "x" * 300}), "invalid_json_line", None),
        (b"[" * 100 + b"]" * 100, "invalid_json_line", None),
        (line(custom_id=""), "invalid_custom_id", "custom_id"),
        (line(custom_id=7), "invalid_custom_id", "custom_id"),
        (line(custom_id=None), "invalid_custom_id", "custom_id"),
        (line(custom_id="first"), "duplicate_custom_id", "custom_id"),
        (line(method="GET"), "invalid_method", "method"),
        (line(method=None), "invalid_method", "method"),
        (line(url="/v1/completions"), "mismatched_url", "url"),
        (line(url=["/v1/completions"]), "mismatched_url", "url"),
        (line(body=None), "invalid_body", "body"),
        (line(body=[]), "invalid_body", "body"),
        (line(body={"stream": True}), "stream_unsupported", "body.stream"),
    ],
    ids=[
        "text", "list", "encoding", "double", "nan", "long", "deep", "empty id", "number id", "no id",
        "same id", "method", "no method", "url", "url list", "no body", "body list", "stream",
    ],
)  # fmt: skip
async def test_what_is_wrong_is_told_by_its_line(wrong: bytes, code: str, param: str | None) -> None:
    found = await checked(line(custom_id="first"), b"\n", wrong, line(custom_id="last"))
    assert [(error.code, error.line, error.param) for error in found.errors] == [(code, 3, param)]
    assert found.errors[0].message
    assert "line 1" not in found.errors[0].message


async def test_every_mistake_of_a_line_is_told() -> None:
    found = await checked(b"{}\n")
    assert {error.param for error in found.errors} == {"custom_id", "method", "url", "body"}


async def test_an_empty_file() -> None:
    for lines in ((), (b"\n", b" \n")):
        assert [error.code for error in (await checked(*lines)).errors] == ["empty_file"]


async def test_too_many_lines_and_too_many_mistakes() -> None:
    many = [line(custom_id=str(at)) for at in range(201)]
    assert (await checked(*many[:200])).errors == []
    assert [error.code for error in (await checked(*many)).errors] == ["too_many_lines"]
    assert len((await checked(*[b"x"] * 199)).errors) == MAX_ERRORS


@given(st.lists(st.binary(max_size=40), max_size=8))
async def test_no_bytes_break_it(lines: list[bytes]) -> None:
    found = await checked(*lines)
    assert found.errors
    assert all(isinstance(error, BatchError) and error.message for error in found.errors)
