"""What an answer that is kept costs: of the very same request, and of the same question in other words.

Asked at the inference service's own door, of a platform with its bundled models: embeddings alone, semantic
hits and exact hits in turn. A semantic hit embeds the question, finds the nearest one and gives its answer
again; all but the embedding is what the cache adds.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from colonnade.api.generation.v1.generation_pb2 import Chat, ChatMessage, Generation, ModelRef, Sampling
from colonnade.api.inference.v1 import inference_pb2 as wire
from colonnade.api.inference.v1.inference_pb2_grpc import InferenceServiceStub
from colonnade.rpc import Identity, Peer
from evidence.performance import targets
from evidence.performance.alternation import alternate
from evidence.performance.batch import OURS
from evidence.performance.figures import Sample, figure
from evidence.performance.result import Result, claim
from evidence.performance.statistics import Spread, quantile
from evidence.performance.suite import Suite
from tests.harness.platform import Platform, eventually, running

TITLE = "Semantic cache"
EMBEDDING, NEAR, SAME = "embedding alone", "semantic hit", "exact hit"
MODEL, ENCODER = "smollm2-135m-instruct", "all-minilm-l6-v2"
ASKED = "How can I change the address that my parcel is delivered to?"
IN_OTHER_WORDS = "How do I change the delivery address of my parcel?"
TOKENS, REPEATS = 32, 40
_SETTINGS = {
    "COLONNADE_INFERENCE_CACHE_BYTES": str(1 << 20),
    "COLONNADE_INFERENCE_SEMANTIC_CACHE": f"{MODEL}=0.7",
    "COLONNADE_INFERENCE_SEMANTIC_ENCODER": ENCODER,
}


class Door:
    """Asks the inference service one thing after another, on one connection."""

    def __init__(self, platform: Platform) -> None:
        self._loop = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._digests = {name: _digest(platform, name) for name in (MODEL, ENCODER)}
        self._peer = self._loop.run(self._opened(platform))
        self._stub = InferenceServiceStub(self._peer.channel)

    async def _opened(self, platform: Platform) -> Peer:
        identity = Identity("evidence", platform.home / "identity")
        address = f"unix:{platform.home}/run/inference.sock"
        return await self._stack.enter_async_context(Peer("inference", address, identity))

    def close(self) -> None:
        self._loop.run(self._stack.aclose())
        self._loop.close()

    def embed(self) -> None:
        self._loop.run(self._embed())

    def generate(self, question: str, kind: "wire.Cached.Kind.ValueType") -> None:
        """Raises where the answer comes from elsewhere."""
        found = self._loop.run(self._generate(question))
        if found != kind:
            raise AssertionError(f"the answer is of kind {found}, not {kind}")

    async def _embed(self) -> None:
        request = wire.EmbedRequest(model=ModelRef(digest=self._digests[ENCODER]), texts=[IN_OTHER_WORDS])
        await self._peer.unary(self._stub.Embed, request, wire.EmbedResponse, timeout=60)

    async def _generate(self, question: str) -> int:
        generation = Generation(
            model=ModelRef(name=MODEL, digest=self._digests[MODEL]),
            chat=Chat(messages=[ChatMessage(role="user", content=question)]),
            sampling=Sampling(top_p=1, repetition_penalty=1),
            max_tokens=TOKENS,
        )
        request = wire.GenerateRequest(generation=generation)
        stream = self._peer.stream(self._stub.Generate, request, wire.GenerateResponse, timeout=300)
        kinds = [response.cached.kind async for response in stream if response.HasField("cached")]
        return kinds[0] if kinds else wire.Cached.KIND_UNSPECIFIED


def run(suite: Suite) -> Result:
    began, rounds = time.monotonic(), suite.rounds or 9
    suite.tell("  starting the platform")
    with running(COLONNADE_ENGINE_THREADS=str(suite.threads), **_SETTINGS) as platform:  # type: ignore[arg-type]
        log = platform.home / "up.log"
        eventually(lambda: "curl" in log.read_text(), 300, "the bundled model is imported")
        platform.command("models", "import", f"bundled:{ENCODER}")
        door = Door(platform)
        try:
            samples = _samples(suite, door, rounds)
        finally:
            door.close()
    engine = suite.engines()[OURS]
    figures = [figure(engine, "ms", _by_round(taken), name=name) for name, taken in samples.items()]
    pairs = zip(samples[NEAR], samples[EMBEDDING], strict=True)
    added = [Sample(near.value - alone.value, near.wall) for near, alone in pairs]
    held = claim(
        f"a semantic hit takes at most {targets.SEMANTIC_HIT_ADDED_MS:g} ms more than the embedding",
        NEAR, EMBEDDING, Spread.of([each.value for each in _by_round(added)]),
        at_most=targets.SEMANTIC_HIT_ADDED_MS,
    )  # fmt: skip
    what = f"the median of {REPEATS} a round, one at a time; an answer of {TOKENS} tokens"
    return suite.result("semantic_cache", TITLE, figures, [held], rounds=rounds, began=began, what=what)


def _samples(suite: Suite, door: Door, rounds: int) -> dict[str, list[Sample]]:
    door.generate(ASKED, wire.Cached.KIND_MISS)
    acts: dict[str, Callable[[], None]] = {
        EMBEDDING: door.embed,
        NEAR: lambda: door.generate(IN_OTHER_WORDS, wire.Cached.KIND_SEMANTIC),
        SAME: lambda: door.generate(ASKED, wire.Cached.KIND_EXACT),
    }
    for act in acts.values():
        act()
    suite.tell(f"  {rounds} rounds of {REPEATS}, one of each in turn")
    return alternate({name: _measure(act) for name, act in acts.items()}, rounds * REPEATS)


def _measure(act: Callable[[], None]) -> Callable[[int], Sample]:
    def measured(_: int) -> Sample:
        began = time.perf_counter()
        act()
        wall = time.perf_counter() - began
        return Sample(1000 * wall, wall)

    return measured


def _by_round(samples: Sequence[Sample]) -> list[Sample]:
    """The median of each round's."""
    rounds = [samples[at : at + REPEATS] for at in range(0, len(samples), REPEATS)]
    return [
        Sample(quantile(sorted(each.value for each in taken), 0.5), sum(each.wall for each in taken))
        for taken in rounds
    ]


def _digest(platform: Platform, name: str) -> str:
    with platform.client() as http:
        versions = http.get(f"/models/{name}").raise_for_status().json()["versions"]
    return str(versions[0]["digest"])
