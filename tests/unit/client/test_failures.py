"""Refusals, broken connections, and what is tried again."""

import json
from typing import Any

import httpx
import pytest

from colonnade.client import Colonnade
from colonnade.client.exchange import MAX_WAIT_SECONDS
from colonnade.errors import (
    HTTP_STATUS,
    Cancelled,
    Code,
    ColonnadeError,
    Conflict,
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    NotFound,
    Overloaded,
    PermissionDenied,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unsupported,
    error_of,
)
from tests.unit.client.platform import ENDING, Caller, answer, closed, event_text, events, got, items, refused

VERSION = {"name": "colonnade", "version": "0.1.0"}


@pytest.mark.parametrize("code", Code)
async def test_a_refusal_is_raised_as_the_platform_raised_it(caller: Caller, code: Code) -> None:
    caller.answers = [refused(HTTP_STATUS[code], code.value, "why", details={"field": "top_p", "limit": 1})]
    with pytest.raises(ColonnadeError) as raised:
        await got(caller.client(max_retries=0).generate("p"))
    assert type(raised.value) is type(error_of(code.value, ""))
    assert raised.value.message == "why"
    assert raised.value.details == {"field": "top_p", "limit": 1, "request_id": "r-9"}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidArgument),
        (401, Unauthenticated),
        (403, PermissionDenied),
        (404, NotFound),
        (405, Unsupported),
        (408, DeadlineExceeded),
        (409, Conflict),
        (413, TooLarge),
        (418, InvalidArgument),
        (429, Overloaded),
        (500, Internal),
        (502, Unavailable),
        (503, Unavailable),
        (504, DeadlineExceeded),
        (599, Internal),
    ],
)
@pytest.mark.parametrize("body", ["<html>no</html>", "", '{"error": "text"}', "[1]", '{"detail": "x"}'])
async def test_what_is_not_the_platforms_is_judged_by_its_status(
    caller: Caller, status: int, kind: type[ColonnadeError], body: str
) -> None:
    caller.answers = [httpx.Response(status, text=body, headers={"x-request-id": "r-1"})]
    with pytest.raises(kind) as raised:
        await got(caller.client(max_retries=0).generate("p"))
    assert type(raised.value) is kind
    assert raised.value.details["request_id"] == "r-1"


async def test_a_redirect_is_not_followed(caller: Caller) -> None:
    caller.answers = [httpx.Response(302, headers={"location": "https://elsewhere.example/"})]
    with pytest.raises(Internal, match="a redirect"):
        await got(caller.client(api_key="ck_a_b").generate("p"))
    assert len(caller.requests) == 1


async def test_where_nobody_listens_the_remedy_is_said(caller: Caller) -> None:
    caller.answers = [httpx.ConnectError("refused")]
    with pytest.raises(
        Unavailable, match=r"http://127.0.0.1:8080.*is the platform running\?.*`colonnade up`"
    ):
        await got(caller.client().generate("p"))


async def test_where_nobody_answers_the_limit_is_said(caller: Caller) -> None:
    caller.answers = [httpx.ReadTimeout("late")]
    with pytest.raises(DeadlineExceeded, match=r"within 3 s.*longer timeout") as raised:
        await got(caller.client(timeout=3).generate("p"))
    assert raised.value.details["limit"] == 3


@pytest.mark.parametrize("error", [httpx.ReadError("reset"), httpx.RemoteProtocolError("cut")])
async def test_what_may_have_been_done_is_not_asked_again(caller: Caller, error: Exception) -> None:
    caller.answers = [error]
    with pytest.raises(Unavailable, match="connection broke"):
        await got(caller.client().generate("p"))
    assert caller.slept == []


@pytest.mark.parametrize(
    "problem", [httpx.ConnectError("x"), httpx.ReadError("x"), httpx.ReadTimeout("x"), 502, 504], ids=repr
)
async def test_reading_is_tried_again_with_growing_pauses(caller: Caller, problem: Exception | int) -> None:
    problems = [problem if isinstance(problem, Exception) else answer(None, problem) for _ in range(2)]
    caller.answers = [*problems, answer(VERSION)]
    assert (await got(caller.client().version())).version == "0.1.0"
    first, second = caller.slept
    assert 0.1 <= first <= 0.3
    assert 0.2 <= second <= 0.6


async def test_tries_are_bounded(caller: Caller) -> None:
    caller.answers = [answer(None, 502) for _ in range(9)]
    with pytest.raises(Unavailable):
        await got(caller.client(max_retries=3).version())
    assert len(caller.requests) == 4


@pytest.mark.parametrize("status", [429, 503])
async def test_an_invitation_to_come_back_is_taken_whatever_was_asked(caller: Caller, status: int) -> None:
    caller.answers = [refused(status, "", retry_after="7"), answer({**ENDING, "text": "yes"})]
    assert (await got(caller.client().generate("p"))).text == "yes"
    assert caller.slept == [7.0]
    first, second = caller.requests
    assert first.content == second.content
    assert first.headers["x-request-id"] == second.headers["x-request-id"]


async def test_streams_take_invitations_too(caller: Caller) -> None:
    caller.answers = [refused(429, "overloaded", retry_after="1"), events({"id": "1", "text": "a"}, ENDING)]
    assert [chunk.text for chunk in await items(caller.client().stream("p"))] == ["a"]


async def test_what_creates_is_repeated_under_the_same_key(caller: Caller) -> None:
    caller.answers = [refused(503, "unavailable", retry_after="1"), refused(404, "not_found")]
    with pytest.raises(NotFound):
        await got(caller.client().keys.create("laptop"))
    first, second = (request.headers["idempotency-key"] for request in caller.requests)
    assert first == second


@pytest.mark.parametrize(
    ("status", "retry_after"),
    [
        (429, None),
        (503, None),
        (503, "soon"),
        (503, "-1"),
        (503, "inf"),
        (503, "nan"),
        (429, str(MAX_WAIT_SECONDS + 1)),
        (500, "1"),
        (409, "1"),
    ],
)
async def test_without_a_fit_invitation_it_is_left_to_the_caller(
    caller: Caller, status: int, retry_after: str | None
) -> None:
    caller.answers = [refused(status, **({"retry_after": retry_after} if retry_after else {}))]
    with pytest.raises(ColonnadeError):
        await got(caller.client().generate("p"))
    assert caller.slept == []


async def test_all_waits_together_are_bounded(caller: Caller) -> None:
    caller.answers = [refused(429, "overloaded", retry_after="20") for _ in range(5)]
    with pytest.raises(Overloaded) as raised:
        await got(caller.client(max_retries=5).generate("p"))
    assert caller.slept == [20.0]
    assert raised.value.details["retry_after_seconds"] == 20.0


async def test_a_stream_that_breaks_off_says_so_and_has_no_result(caller: Caller) -> None:
    caller.answers = [events({"id": "1", "text": "half"}, done=False)]
    stream = caller.client().stream("p")
    with pytest.raises(Unavailable, match="broke off"):
        await items(stream)
    with pytest.raises(Cancelled, match="not read to its end"):
        _ = stream.result


async def test_a_stream_that_was_not_read_has_no_result(caller: Caller) -> None:
    stream = caller.client().stream("p")
    with pytest.raises(Cancelled):
        _ = stream.result
    await closed(stream)
    assert await items(stream) == []
    assert caller.requests == []


async def test_a_long_text_may_hold_anything(caller: Caller) -> None:
    text = "data: [DONE]\n\nevent: error\r\n\u2028\u0085\x0b ü 第 \U0001f600"
    caller.answers = [events({"id": "1", "text": text}, ENDING)]
    stream = caller.client().stream("p")
    assert [chunk.text for chunk in await items(stream)] == [text]
    assert stream.result.text == text


async def test_raw_line_separators_inside_json_are_no_lines(caller: Caller) -> None:
    """The platform sends text as it is: a line of an event stream ends at CR, LF or CRLF alone."""
    text = "a\u2028b\u2029c\x85d"
    frames = json.dumps({"id": "1", "text": text}, ensure_ascii=False)
    caller.answers = [event_text(f"data: {frames}\n\ndata: {json.dumps(ENDING)}\n\ndata: [DONE]\n\n")]
    assert [chunk.text for chunk in await items(caller.client().stream("p"))] == [text]


async def test_every_call_has_an_id_and_carries_the_key(caller: Caller) -> None:
    caller.answers = [answer(VERSION), answer(VERSION)]
    client = caller.client(api_key="ck_id_secret")
    await got(client.version())
    await got(client.version())
    ids = [request.headers["x-request-id"] for request in caller.requests]
    assert len(set(ids)) == 2
    assert {request.headers["authorization"] for request in caller.requests} == {"Bearer ck_id_secret"}
    assert "secret" not in repr(client.configuration)


async def test_the_environment_says_where_and_who(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLONNADE_URL", "https://llm.example.org/base/")
    monkeypatch.setenv("COLONNADE_API_KEY", "ck_env_x")
    caller.answers = [answer(VERSION), answer(VERSION)]
    await got(caller.client().version())
    await got(caller.client("http://other:1", "ck_arg_y").version())
    first, second = caller.requests
    assert str(first.url) == "https://llm.example.org/base/version"
    assert first.headers["authorization"] == "Bearer ck_env_x"
    assert str(second.url) == "http://other:1/version"
    assert second.headers["authorization"] == "Bearer ck_arg_y"


async def test_without_a_key_none_is_sent(caller: Caller) -> None:
    caller.answers = [answer(VERSION)]
    await got(caller.client().version())
    assert "authorization" not in caller.requests[0].headers


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"base_url": "localhost:8080"}, "base_url"),
        ({"base_url": "ftp://x"}, "base_url"),
        ({"base_url": "http://"}, "base_url"),
        ({"base_url": "http://x:99999"}, "base_url"),
        ({"base_url": "http://[::1"}, "base_url"),
        ({"api_key": "two words"}, "api_key"),
        ({"api_key": "line\nbreak"}, "api_key"),
        ({"api_key": "clé"}, "api_key"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"max_retries": -1}, "max_retries"),
    ],
)
def test_wrong_settings_are_named(options: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgument) as raised:
        Colonnade(**options)
    assert raised.value.details["field"] == field


@pytest.mark.parametrize(
    ("url", "direct"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://localhost:1", True),
        ("http://[::1]:1", True),
        ("http://10.0.0.1", False),
        ("https://llm.example.org", False),
    ],
)
def test_this_machine_is_never_asked_through_a_proxy(url: str, direct: bool) -> None:
    with Colonnade(url) as client:
        assert client.configuration.loopback is direct
        assert client._http.trust_env is not direct


async def test_an_empty_key_is_none_whatever_the_environment_says(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLONNADE_API_KEY", "ck_env_x")
    caller.answers = [answer(VERSION)]
    await got(caller.client("http://other:1", "").version())
    assert "authorization" not in caller.requests[0].headers
