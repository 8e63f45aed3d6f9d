"""A router with caches, among fakes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from colonnade.inference.adapters.memory_cache import MemoryAnswers
from colonnade.inference.caches.answers import Answers
from colonnade.inference.caches.figures import CacheMetrics
from colonnade.inference.caches.semantic import Semantic
from colonnade.inference.domain import Caching, Chunk, Near, Parcel, Place, Spent, Work
from tests.unit.inference.conftest import Router, Routing, routing
from tests.unit.inference.fakes import FakeEngine, digest, work

__all__ = ["routing"]
PROMPT_TOKENS = 3


class FakeParcels:
    """Parcels are texts, a token each; the last one of an answer says how much there was."""

    def __init__(self) -> None:
        self.broken: set[str] = set()
        """Texts of last chunks that are no proper end."""
        self.completion = 2

    def size(self, parcel: Parcel) -> int:
        return len(parcel)

    def tokens(self, parcel: Parcel) -> int:
        return 1

    def spent(self, parcel: Parcel) -> Spent:
        return Spent(PROMPT_TOKENS, 1 if parcel == "cancelled" else self.completion)

    def whole(self, parcel: Parcel) -> bool:
        return parcel not in {"cancelled", *self.broken}

    def pack(self, chunks: Sequence[Chunk]) -> bytes:
        return "|".join(chunk.parcel for chunk in chunks).encode()

    def unpack(self, body: bytes) -> list[Chunk]:
        texts = body.decode().split("|")
        return [Chunk(text, last=text == texts[-1], text=text) for text in texts]

    def embedding(self, digest: str, text: str) -> Work:
        return Work(digest, text)

    def vector(self, parcel: Parcel) -> Sequence[float]:
        return [float(each) for each in parcel.split()]


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Cached:
    """A router, its caches and what stands behind them."""

    router: Router
    answers: Answers
    engine: FakeEngine
    parcels: FakeParcels
    clock: Clock
    vectors: dict[str, Sequence[float]]
    counted: CollectorRegistry = field(repr=False)

    def stream(self, caching: Caching | None, **about: Any) -> "Any":
        return self.router.inference.generate(work(**about), caching=caching)

    async def ask(self, caching: Caching | None, **about: Any) -> list[Chunk]:
        """To its end; what is kept of it, is kept then."""
        chunks = [chunk async for chunk in self.stream(caching, **about)]
        await self.answers.settled()
        return chunks

    async def kinds(self, *asked: Caching) -> list[str]:
        """What the caches had to do with each, one after another."""
        found = []
        for each in asked:
            first, *_ = await self.ask(each)
            found.append(first.cached.kind.value if first.cached else "off")
        return found

    def count(self, name: str, **labels: str) -> float:
        return self.counted.get_sample_value(f"colonnade_inference_cache_{name}", labels) or 0.0


def caching(
    key: str = "k",
    *,
    tenant: str = "acme",
    model: str = "m",
    near: Near | None = None,
    refresh: bool = False,
    answers: int = 1,
    deadline: float | None = None,
    priority: int = 0,
) -> Caching:
    place = Place(tenant, digest(model), key.encode())
    return Caching(place, refresh, near, answers, deadline, priority)


Starting = Callable[..., Awaitable[Cached]]


@pytest.fixture
async def cached(routing: Routing) -> AsyncIterator[Starting]:
    opened: list[Answers] = []

    async def start(
        *engines: FakeEngine, max_bytes: int = 1 << 20, entry_bytes: int = 1 << 10, **options: Any
    ) -> Cached:
        engine = engines[0] if engines else FakeEngine("one", {digest("m")})
        router = await routing(*(engines or (engine,)), **options)
        parcels, clock, counted = FakeParcels(), Clock(), CollectorRegistry()
        vectors: dict[str, Sequence[float]] = {}

        async def embed(text: str) -> tuple[str, Sequence[float]]:
            return "sha256:encoder", vectors[text]

        metrics = CacheMetrics(counted)
        answers = Answers(
            MemoryAnswers(
                max_bytes, entry_bytes=entry_bytes, seconds=100, clock=clock, evicted=metrics.evicted
            ),
            parcels,
            metrics,
            semantic=Semantic(embed, capacity=100, clock=clock),
            entry_bytes=entry_bytes,
            clock=clock,
        )
        router.inference.answers = answers
        opened.append(answers)
        return Cached(router, answers, engine, parcels, clock, vectors, counted)

    yield start
    for answers in opened:
        await answers.close()
