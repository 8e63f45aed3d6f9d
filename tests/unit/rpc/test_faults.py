"""Errors across the wire."""

from typing import Any, ClassVar

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.api.engine.v1 import engine_pb2 as engine
from colonnade.api.engine.v1.engine_pb2_grpc import EngineServiceStub
from colonnade.errors import GRPC_STATUS, Code, ColonnadeError, NotFound, Overloaded, TooLarge, error_of
from colonnade.rpc import Peer
from colonnade.rpc.faults import DETAILS_KEY, from_wire, to_wire
from tests.unit.rpc.subject import Subject

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def arrived(error: ColonnadeError, service: str = "engine") -> ColonnadeError:
    status, message, trailing = to_wire(error)
    metadata = grpc.aio.Metadata(*trailing)
    return from_wire(grpc.aio.AioRpcError(status, grpc.aio.Metadata(), metadata, message), service)


def bare(status: grpc.StatusCode, message: str = "", trailing: Any = ()) -> ColonnadeError:
    error = grpc.aio.AioRpcError(status, grpc.aio.Metadata(), grpc.aio.Metadata(*trailing), message)
    return from_wire(error, "engine")


@settings(deadline=None)  # a busy machine is no failure
@given(
    code=st.sampled_from(Code),
    message=st.text(max_size=200),
    details=st.dictionaries(st.text(), JSON, max_size=3),
)
def test_an_error_arrives_as_it_was_raised(code: Code, message: str, details: dict[str, Any]) -> None:
    sent = error_of(code, message, details)
    received = arrived(sent)
    assert (type(received), received.message, received.details) == (type(sent), message, details)


@pytest.mark.parametrize("code", Code)
def test_the_status_is_the_tables(code: Code) -> None:
    assert to_wire(error_of(code, "m"))[0].name == GRPC_STATUS[code]


class Odd:
    shown: ClassVar[str] = "odd"

    def __str__(self) -> str:
        return self.shown


@pytest.mark.parametrize(
    ("given_details", "received"),
    [
        ({"value": Odd()}, {"value": "odd"}),
        ({"value": {1: "int key"}}, {"value": {"1": "int key"}}),
        ({"value": (1, 2)}, {"value": [1, 2]}),
        ({"value": frozenset({"a"})}, {"value": "frozenset({'a'})"}),
        ({"value": {(1, 2): "no key of JSON"}}, {}),
    ],
)
def test_details_that_are_not_json_do_not_stop_the_error(given_details: Any, received: Any) -> None:
    assert arrived(NotFound("m", **given_details)).details == received


async def test_details_arrive_over_a_socket(peer: Peer, subject: Subject) -> None:
    subject.details = {
        "field": "request_id",
        "limit": 3,
        "nested": {"known": ["a", "ü"]},
        "message": "m",
        "self": 1,
    }
    with pytest.raises(NotFound, match="größe: no such thing\n第") as refused:
        await _abort(peer, "größe: no such thing\n第")
    assert refused.value.details == subject.details


@pytest.mark.parametrize("character", ["第", "%", "\n", "x"])
@pytest.mark.parametrize("size", [4_000, 60_000])
async def test_an_error_too_large_for_metadata_still_arrives(
    peer: Peer, subject: Subject, size: int, character: str
) -> None:
    subject.details = {"field": "prompt", "values": ["ü" * 100] * (size // 100)}
    with pytest.raises(NotFound) as refused:
        await _abort(peer, character * size)
    assert refused.value.message.startswith(character * 300)
    assert len(refused.value.message) < size


async def test_a_refusal_in_the_middle_of_a_stream_follows_what_came_before(peer: Peer) -> None:
    stub = EngineServiceStub(peer.channel)
    responses = peer.stream(stub.Load, engine.LoadRequest(), engine.LoadResponse)
    assert (await anext(responses)).stage == "verify"
    with pytest.raises(Overloaded, match="no room") as refused:
        await anext(responses)
    assert refused.value.details == {"retry_after_seconds": 3}


async def test_a_message_beyond_the_limit_is_too_large_not_overload(peer: Peer) -> None:
    with pytest.raises(TooLarge, match="engine"):
        await _abort(peer, "x" * (17 * 1024 * 1024))


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (grpc.StatusCode.UNAVAILABLE, Code.UNAVAILABLE),
        (grpc.StatusCode.DEADLINE_EXCEEDED, Code.DEADLINE_EXCEEDED),
        (grpc.StatusCode.CANCELLED, Code.CANCELLED),
        (grpc.StatusCode.UNIMPLEMENTED, Code.UNSUPPORTED),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Code.OVERLOADED),
        (grpc.StatusCode.UNKNOWN, Code.INTERNAL),
        (grpc.StatusCode.DATA_LOSS, Code.INTERNAL),
    ],
)
def test_a_peer_that_cannot_say_more_is_named(status: grpc.StatusCode, code: Code) -> None:
    error = bare(status, "ipv4:10.0.0.1:99: /secret/path")
    assert error.code is code
    assert "engine" in error.message
    assert "secret" not in error.message
    assert error.details == {"service": "engine"}


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b"{}", b'{"code": 3, "details": []}', b"\xff\xfe"])
def test_a_malformed_trailer_counts_as_none(body: bytes) -> None:
    error = bare(grpc.StatusCode.NOT_FOUND, "m", [(DETAILS_KEY, body)])
    assert error.code is Code.NOT_FOUND


def test_a_code_of_a_newer_platform_is_internal() -> None:
    error = bare(grpc.StatusCode.UNKNOWN, "m", [(DETAILS_KEY, b'{"code": "teapot", "details": {"a": 1}}')])
    assert (error.code, error.message, error.details) == (Code.INTERNAL, "m", {"a": 1})


async def _abort(peer: Peer, request_id: str) -> None:
    stub = EngineServiceStub(peer.channel)
    await peer.unary(stub.Abort, engine.AbortRequest(request_id=request_id), engine.AbortResponse)
