"""Who answers where the drawn version cannot, and who gets a copy."""

from collections.abc import AsyncGenerator
from random import Random
from typing import Any

import pytest

from colonnade.api.generation.v1 import generation_pb2
from colonnade.api.inference.v1 import inference_pb2
from colonnade.errors import Unavailable
from colonnade.gateway.adapters.inference import InferenceGenerator
from colonnade.gateway.domain.exchange import Caller, Exchange
from colonnade.gateway.domain.generation import Chunk, GenerationSpec
from colonnade.gateway.domain.models import Resolution, Target
from colonnade.gateway.domain.stand_ins import MAX_FALLBACKS, Shadow, fallbacks_of, shadows_of
from colonnade.gateway.service.resolver import Resolver
from colonnade.gateway.service.stages.generate import Generate
from colonnade.gateway.service.stages.stand_ins import StandIns
from colonnade.gateway.settings import GatewaySettings
from colonnade.security.identity import Principal
from tests.unit.gateway.fakes import FakeCatalog, FakeGenerator, finish

LARGE = Target("large", 1, "sha256:" + "1" * 64, 100)
SMALL = Target("tiny", 1, "sha256:" + "2" * 64, 100)


def catalog() -> FakeCatalog:
    return FakeCatalog(Resolution("tiny", "production", (SMALL,)))


def exchange(target: Target = LARGE) -> Exchange:
    asked = Exchange("id", identity=Principal.service("gateway"), spec=GenerationSpec(prompt="x"))
    asked.target = target
    return asked


async def stood_in(
    asked: Exchange, fallbacks: str = "", shadows: str = "", known: FakeCatalog | None = None
) -> Target:
    resolver = Resolver(known or catalog())
    await StandIns(resolver, Random(1), fallbacks_of(fallbacks), shadows_of(shadows)).before(asked)
    assert asked.target is not None
    return asked.target


async def test_fallbacks_are_found_in_their_order_and_unknown_ones_left_out() -> None:
    target = await stood_in(exchange(), "large=unknown,large=poet,large=tiny,other=tiny")
    assert target.fallbacks == (SMALL,)  # poet is an adapter
    assert (await stood_in(exchange(), "other=tiny")).fallbacks == ()
    assert (await stood_in(exchange(SMALL), "tiny=tiny@production")).fallbacks == ()


async def test_nothing_fails_where_the_registry_is_away() -> None:
    known = catalog()
    known.error = Unavailable("away")
    assert await stood_in(exchange(), "large=tiny", "large=tiny:100", known) == LARGE


async def test_as_many_requests_as_stated_are_copied() -> None:
    stage = StandIns(Resolver(catalog()), Random(5), {}, {"large": Shadow("tiny", 10)})
    copied = 0
    for _ in range(1000):
        asked = exchange()
        await stage.before(asked)
        assert asked.target is not None
        copied += asked.target.shadow == SMALL
    assert 60 < copied < 140


async def test_a_request_with_an_adapter_has_no_stand_in() -> None:
    asked = exchange(Target("large", 1, "sha256:l", 100, adapter=SMALL))
    target = await stood_in(asked, "large=tiny", "large=tiny:100")
    assert (target.fallbacks, target.shadow) == ((), None)


async def test_what_a_fallback_answers_is_said_to_be_its() -> None:
    generator = FakeGenerator()
    generator.chunks = [Chunk("a", answered_by=SMALL.digest), Chunk("b", finish=finish())]
    asked = exchange(Target("large", 1, LARGE.digest, 100, fallbacks=(SMALL,)))
    stage = Generate(generator)
    chunks = [chunk.text async for chunk in stage.during(asked, _nothing())]
    assert chunks == ["a", "b"]
    assert asked.target == SMALL
    assert asked.degraded == ["model"]


async def _nothing() -> AsyncGenerator[Chunk, None]:
    none: tuple[Chunk, ...] = ()
    for chunk in none:
        yield chunk


class _Calls:
    """What goes out, and a fallback's answer."""

    def __init__(self) -> None:
        self.peer: Any = type("Peer", (), {"channel": _Channel()})()
        self.request = inference_pb2.GenerateRequest()

    async def stream(self, caller: Caller, method: Any, request: Any, kind: Any) -> AsyncGenerator[Any, None]:
        self.request = request
        chunk = generation_pb2.Chunk(text="a")
        yield inference_pb2.GenerateResponse(
            chunk=chunk, fallback=generation_pb2.ModelRef(digest=SMALL.digest)
        )
        yield inference_pb2.GenerateResponse(chunk=chunk)


class _Channel:
    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


async def test_stand_ins_travel_with_the_request() -> None:
    calls: Any = _Calls()
    target = Target("large", 1, LARGE.digest, 100, fallbacks=(SMALL,), shadow=SMALL)
    caller = Caller(Principal.service("gateway"), "r")
    stream = InferenceGenerator(calls).stream(caller, GenerationSpec(prompt="x"), target)
    assert [chunk.answered_by async for chunk in stream] == [SMALL.digest, ""]
    assert [each.digest for each in calls.request.fallbacks] == [SMALL.digest]
    assert calls.request.shadow.digest == SMALL.digest
    plain = InferenceGenerator(calls).stream(caller, GenerationSpec(prompt="x"), LARGE)
    _ = [chunk async for chunk in plain]
    assert not calls.request.HasField("shadow")


def test_settings_are_read() -> None:
    assert fallbacks_of(" a=b , a=c@candidate,d=e:3,") == {"a": ("b", "c@candidate"), "d": ("e:3",)}
    assert shadows_of("a=b:5, c=d:2:0.5") == {"a": Shadow("b", 5), "c": Shadow("d:2", 0.5)}
    assert (fallbacks_of(""), shadows_of("")) == ({}, {})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("fallbacks", "a"),
        ("fallbacks", "a="),
        ("fallbacks", "=b"),
        ("fallbacks", ",".join(["a=b"] * (MAX_FALLBACKS + 1))),
        ("shadows", "a=b"),
        ("shadows", "a=:5"),
        ("shadows", "a=b:0"),
        ("shadows", "a=b:101"),
        ("shadows", "a=b:nan"),
        ("shadows", "a=b:5,a=c:5"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(name: str, text: str) -> None:
    with pytest.raises(ValueError):
        GatewaySettings(**{name: text})  # type: ignore[arg-type]
