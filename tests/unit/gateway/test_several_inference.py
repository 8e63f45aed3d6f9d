"""Two inference services behind one target: each gets its share, and an abort finds the one that it means."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from colonnade import rpc
from colonnade.api.generation.v1 import generation_pb2
from colonnade.api.inference.v1 import inference_pb2, inference_pb2_grpc
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.adapters.inference import InferenceGenerator
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.generation import GenerationSpec
from colonnade.gateway.domain.models import Target
from colonnade.security.access.inference import RPCS
from colonnade.security.identity import Principal, Role

TARGET = Target("tiny", 3, "sha256:" + "b" * 64, 100, 2048)
ALICE = Principal("acme", "alice", frozenset({Role.CALLER}), "k1")


class Inference(inference_pb2_grpc.InferenceServiceServicer):
    def __init__(self) -> None:
        self.generations = 0
        self.mine = ""

    async def Generate(self, request: Any, context: Any) -> AsyncIterator[Any]:
        self.generations += 1
        yield inference_pb2.GenerateResponse(chunk=generation_pb2.Chunk(text="a"))

    async def Abort(self, request: Any, context: Any) -> Any:
        return inference_pb2.AbortResponse(found=request.request_id == self.mine)


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[tuple[list[Inference], list[int], rpc.Identity]]:
    identity = rpc.Identity("gateway", tmp_path / "identity")
    services, ports = [Inference(), Inference()], []  # type: ignore[abstract]
    async with AsyncExitStack() as stack:
        for service in services:
            server = rpc.Server("127.0.0.1:0", RPCS, identity)
            server.add(inference_pb2_grpc.add_InferenceServiceServicer_to_server, service, "inference")
            ports.append(await server.start())
            stack.push_async_callback(server.stop, 0)
        yield services, ports, identity


async def test_each_gets_its_share_and_an_abort_reaches_all(
    services: tuple[list[Inference], list[int], rpc.Identity],
) -> None:
    both, ports, identity = services
    target = "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports)
    async with rpc.Peer("inference", target, identity) as peer:
        generator, spec = InferenceGenerator(Calls(peer, identity)), GenerationSpec(prompt="p")
        while not all(service.generations for service in both):  # the second may be found a moment later
            assert [chunk.text async for chunk in generator.stream(Caller(ALICE, "r"), spec, TARGET)] == ["a"]
        both[1].mine = "call-1"
        assert await generator.abort(Caller(ALICE, "r", call_id="call-1"))
        assert not await generator.abort(Caller(ALICE, "r", call_id="call-2"))


async def test_an_abort_finds_it_though_another_service_is_gone(
    services: tuple[list[Inference], list[int], rpc.Identity],
) -> None:
    both, ports, identity = services
    both[0].mine = "call-1"
    async with rpc.Peer("inference", f"ipv4:127.0.0.1:{ports[0]},127.0.0.1:1", identity) as peer:
        assert await InferenceGenerator(Calls(peer, identity)).abort(Caller(ALICE, "r", call_id="call-1"))
