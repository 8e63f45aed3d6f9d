"""Engines and a registry in memory, behind the router's own ports."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from colonnade.errors import ColonnadeError, NotFound, Unavailable
from colonnade.inference.domain import Chunk, Loaded, Manifest, Parcel, Ref, Stats, Work, text_keys

GONE = Unavailable("the engine service is not reachable")
UNADAPTED = NotFound("the adapter is not loaded; load it first", field="model.adapter")
EVICTED = NotFound("no model of this digest is loaded; load it first", field="model.digest")


def digest(name: str) -> str:
    return f"sha256:{name}"


def manifest(name: str) -> Manifest:
    return Manifest(digest(name), name, 1, size_bytes=10)


def work(
    name: str = "m",
    *,
    tokens: int = 10,
    session: str = "",
    adapter: str = "",
    tenant: str = "acme",
    request_id: str = "",
    prompt: str = "",
) -> Work:
    prefix = text_keys((name, adapter, tenant), [prompt])
    return Work(digest(name), name, tokens, session, adapter and digest(adapter), tenant, request_id, prefix)


@dataclass
class FakeEngine:
    """Does at once what it is told, unless a test closes a gate."""

    address: str
    loaded: set[str] = field(default_factory=set)
    free_bytes: int = 100
    outstanding_tokens: int = 0
    instance: str = "first"
    draining: bool = False
    draft: str = ""
    down: bool = False
    stats_errors: list[Exception] = field(default_factory=list)
    load_errors: list[ColonnadeError] = field(default_factory=list)
    errors: list[ColonnadeError] = field(default_factory=list)
    """Raised by the next calls, one each, before anything comes of them."""
    breaks_after: int | None = None
    """How many chunks come before the engine is gone."""
    chunks: Sequence[str] = ("a", "b")
    loads: list[str] = field(default_factory=list)
    adapters: set[str] = field(default_factory=set)
    """Beside every version that is loaded."""
    done: list[Work] = field(default_factory=list)
    closed: int = 0
    asked: int = 0
    aborts: list[str] = field(default_factory=list)
    knows_aborts: list[bool] = field(default_factory=lambda: [True])
    """Of each abort, whether the request is known by then."""
    cancelled: bool = False
    dies_aborting: bool = False
    connected: bool = True
    stats_gate: asyncio.Event = field(default_factory=asyncio.Event)
    load_gate: asyncio.Event = field(default_factory=asyncio.Event)
    submit_gate: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when its connection is closed."""
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a call waits at a gate."""

    def __post_init__(self) -> None:
        for gate in (self.stats_gate, self.load_gate, self.submit_gate):
            gate.set()

    def restart(self, instance: str) -> None:
        self.instance = instance
        self.loaded.clear()
        self.adapters.clear()

    async def stats(self) -> Stats:
        self.asked += 1
        self._alive()
        if self.stats_errors:
            raise self.stats_errors.pop(0)
        seen = {name: Loaded(name, "parcel", frozenset(self.adapters)) for name in self.loaded}
        instance = self.instance
        await self._pass(self.stats_gate)
        free, outstanding = self.free_bytes, self.outstanding_tokens
        return Stats(instance, seen, free, outstanding, self.draining, "figures", self.draft)

    async def load(self, manifest: Manifest) -> Loaded:
        self._alive()
        self.loads.append(manifest.name)
        await self._pass(self.load_gate)
        self._alive()
        if self.load_errors:
            raise self.load_errors.pop(0)
        self.loaded.add(manifest.digest)
        return Loaded(manifest.digest, "parcel")

    async def load_adapter(self, model: str, manifest: Manifest) -> None:
        self._alive()
        self.loads.append(manifest.name)
        await self._pass(self.load_gate)
        self._alive()
        if self.load_errors:
            raise self.load_errors.pop(0)
        if model not in self.loaded:
            raise EVICTED
        self.adapters.add(manifest.digest)

    async def submit(self, work: Work) -> AsyncGenerator[Chunk]:
        try:
            self._begin(work)
            for number, text in enumerate(self.chunks):
                if number == self.breaks_after:
                    raise GONE
                await self._pass(self.submit_gate)
                self._alive()
                if self.cancelled:
                    yield Chunk("cancelled", last=True)
                    return
                yield Chunk(text, last=number == len(self.chunks) - 1, text=text)
        finally:
            self.closed += 1

    async def score(self, work: Work) -> Parcel:
        self._begin(work)
        return f"score of {work.parcel}"

    async def embed(self, work: Work) -> Parcel:
        self._begin(work)
        return f"embedding of {work.parcel}"

    async def abort(self, request_id: str) -> bool:
        self.aborts.append(request_id)
        if self.dies_aborting:
            self.down = True
            self.submit_gate.set()
        self._alive()
        known = bool(self.knows_aborts) and self.knows_aborts.pop(0)
        if known:
            self.cancelled = True
            self.submit_gate.set()
        return known

    async def close(self) -> None:
        self.connected = False
        self.let_go.set()

    async def tokenize(self, work: Work) -> Parcel:
        self._begin(work)
        return f"tokens of {work.parcel}"

    async def detokenize(self, work: Work) -> Parcel:
        self._begin(work)
        return f"text of {work.parcel}"

    def _begin(self, work: Work) -> None:
        self._alive()
        if self.errors:
            raise self.errors.pop(0)
        if work.digest not in self.loaded:
            raise EVICTED
        if work.adapter and work.adapter not in self.adapters:
            raise UNADAPTED
        self.done.append(work)

    def _alive(self) -> None:
        if self.down:
            raise GONE

    async def _pass(self, gate: asyncio.Event) -> None:
        if not gate.is_set():
            self.entered.set()
        await gate.wait()


@dataclass
class FakeRegistry:
    known: dict[str, Manifest] = field(
        default_factory=lambda: {digest(name): manifest(name) for name in ("m", "poet")}
    )
    chosen: Manifest | None = None
    down: bool = False
    asked: list[str] = field(default_factory=list)

    async def manifest(self, ref: Ref) -> Manifest:
        self.asked.append(ref.digest)
        self._alive()
        if ref.digest not in self.known:
            raise NotFound("no such version", field="digest")
        return self.known[ref.digest]

    async def default(self) -> Manifest | None:
        self._alive()
        return self.chosen

    async def encoder(self, reference: str) -> str:
        self.asked.append(reference)
        self._alive()
        return digest(reference or "encoder")

    def _alive(self) -> None:
        if self.down:
            raise Unavailable("the registry service is not reachable")
