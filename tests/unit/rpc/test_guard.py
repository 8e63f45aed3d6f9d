"""Who gets past the guard, and what they learn when they do not."""

import time
from pathlib import Path
from typing import Any

import grpc
import pytest

from colonnade.api.engine.v1 import engine_pb2 as engine
from colonnade.api.engine.v1.engine_pb2_grpc import EngineServiceStub
from colonnade.errors import Internal, PermissionDenied, Unauthenticated, Unsupported
from colonnade.rpc import CallContext, Identity, Peer, Server, bound
from colonnade.security.identity import Principal, Role
from colonnade.security.tokens import LIFETIME_SECONDS, TokenMinter, load_or_create_key
from tests.unit.rpc.subject import NAME, Subject

CALLER = Principal("acme", "ann", frozenset({Role.CALLER}), "k1")


async def _stats(peer: Peer) -> engine.StatsResponse:
    stub = EngineServiceStub(peer.channel)
    return await peer.unary(stub.Stats, engine.StatsRequest(), engine.StatsResponse)


def _speaking(token: str) -> Any:
    return bound(CallContext(CALLER, token, "r1"))


async def test_a_listed_method_answers_a_listed_role(peer: Peer, subject: Subject) -> None:
    assert (await _stats(peer)).instance == "one"
    assert subject.calls[0].principal == Principal.service("inference")


async def test_the_callers_principal_arrives_whole(peer: Peer, subject: Subject, identity: Identity) -> None:
    with _speaking(identity.token(CALLER)):
        await _stats(peer)
    assert subject.calls[0].principal == CALLER


async def test_as_service_speaks_for_the_service_even_inside_a_call(
    peer: Peer, subject: Subject, identity: Identity
) -> None:
    stub = EngineServiceStub(peer.channel)
    with _speaking(identity.token(CALLER)):
        await peer.unary(stub.Stats, engine.StatsRequest(), engine.StatsResponse, as_service=True)
    assert subject.calls[0].principal == Principal.service("inference")


async def test_what_the_table_does_not_list_is_denied_to_everyone(peer: Peer, identity: Identity) -> None:
    stub = EngineServiceStub(peer.channel)
    everyone = Principal("acme", "root", frozenset(Role))
    with _speaking(identity.token(everyone)), pytest.raises(PermissionDenied, match="Unload"):
        await peer.unary(stub.Unload, engine.UnloadRequest(), engine.UnloadResponse)


async def test_a_method_that_does_not_exist_is_unsupported(peer: Peer) -> None:
    nowhere: Any = peer.channel.unary_unary(
        f"/{NAME}/Nowhere", response_deserializer=engine.StatsResponse.FromString
    )
    with pytest.raises(Unsupported):
        await peer.unary(nowhere, b"", engine.StatsResponse)


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.CALLER, Role.SERVICE}))
async def test_roles_that_the_table_does_not_list_are_denied(
    peer: Peer, identity: Identity, subject: Subject, role: Role
) -> None:
    with (
        _speaking(identity.token(Principal("acme", "ann", frozenset({role})))),
        pytest.raises(PermissionDenied) as refused,
    ):
        await _stats(peer)
    assert refused.value.details == {"method": f"/{NAME}/Stats"}
    assert subject.calls == []


async def test_streams_are_guarded_too(peer: Peer, identity: Identity, subject: Subject) -> None:
    stub = EngineServiceStub(peer.channel)
    with (
        _speaking(identity.token(Principal("acme", "ann", frozenset({Role.AUDITOR})))),
        pytest.raises(PermissionDenied),
    ):
        async for _ in peer.stream(stub.Submit, engine.SubmitRequest(), engine.SubmitResponse):
            pass
    assert subject.calls == []


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("authorization", ""),),
        (("authorization", "Bearer "),),
        (("authorization", "Basic YTpi"),),
        (("authorization", "Bearer nonsense"),),
        (("authorization", "Bearer " + "A" * 3000),),
    ],
)
async def test_without_a_token_nothing_is_said(peer: Peer, subject: Subject, metadata: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await EngineServiceStub(peer.channel).Stats(engine.StatsRequest(), metadata=metadata)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert subject.calls == []


async def test_an_expired_token_is_refused(peer: Peer, identity: Identity) -> None:
    past = TokenMinter(identity.key, clock=lambda: time.time() - LIFETIME_SECONDS - 1)
    with _speaking(past.mint(CALLER)), pytest.raises(Unauthenticated, match="expired"):
        await _stats(peer)


async def test_another_keys_token_is_refused(peer: Peer, folder: Path) -> None:
    forger = TokenMinter(load_or_create_key(folder / "elsewhere"))
    with _speaking(forger.mint(CALLER)), pytest.raises(Unauthenticated, match="not valid here"):
        await _stats(peer)


async def test_a_changed_token_is_refused(peer: Peer, identity: Identity) -> None:
    head, body, signature = identity.token(CALLER).split(".")
    other = identity.token(Principal("acme", "mallory", frozenset(Role))).split(".")[1]
    assert other != body
    with _speaking(f"{head}.{other}.{signature}"), pytest.raises(Unauthenticated):
        await _stats(peer)


async def test_an_unsigned_token_is_refused(peer: Peer, identity: Identity) -> None:
    body = identity.token(CALLER).split(".")[1]
    with _speaking(f"eyJhbGciOiJub25lIn0.{body}."), pytest.raises(Unauthenticated):
        await _stats(peer)


async def test_an_internal_error_says_nothing_of_itself(peer: Peer) -> None:
    stub = EngineServiceStub(peer.channel)
    with pytest.raises(Internal) as failed:
        await peer.unary(stub.Score, engine.ScoreRequest(), engine.ScoreResponse)
    shown = failed.value.message + str(failed.value.details)
    assert "request id" in shown
    for secret in ("hunter2", "secret.pem", "RuntimeError", "Traceback"):
        assert secret not in shown


async def test_reflection_is_for_those_who_run_the_platform(server: Server, identity: Identity) -> None:
    assert await _reflected(server, identity, Role.CALLER) is grpc.StatusCode.PERMISSION_DENIED
    assert NAME in await _reflected(server, identity, Role.OPERATOR)


async def _reflected(server: Server, identity: Identity, role: Role) -> Any:
    from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

    token = identity.token(Principal("acme", "ann", frozenset({role})))
    async with grpc.aio.insecure_channel(server.address) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        call = stub.ServerReflectionInfo(
            iter([reflection_pb2.ServerReflectionRequest(list_services="")]),
            metadata=[("authorization", f"Bearer {token}")],
        )
        try:
            return [s.name async for answer in call for s in answer.list_services_response.service]
        except grpc.aio.AioRpcError as error:
            return error.code()
