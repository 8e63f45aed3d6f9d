"""Streams from an engine that is served: asked over gRPC, as the inference service asks."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from colonnade.api.engine.v1 import engine_pb2 as pb
from colonnade.api.engine.v1.engine_pb2_grpc import EngineServiceStub
from colonnade.api.generation.v1 import generation_pb2
from colonnade.rpc import Identity, Peer

Prompts = Sequence[Sequence[int]]
_NEVER = {0: -100.0, 2: -100.0}
"""SmolLM2's end tokens: every answer has its full length."""


def rate(address: str, identity: Path, digest: str, prompts: Prompts, tokens: int) -> float:
    """Tokens a second of greedy answers, ``tokens`` long, all at once; from the first request to the last
    token."""
    return asyncio.run(_rate(address, Identity("inference", identity), digest, prompts, tokens))


async def _rate(address: str, identity: Identity, digest: str, prompts: Prompts, tokens: int) -> float:
    async with Peer("engine", address, identity) as peer:
        began = time.perf_counter()
        counts = await asyncio.gather(*(_stream(peer, digest, prompt, tokens) for prompt in prompts))
        took = time.perf_counter() - began
    assert set(counts) == {tokens}, "an answer is not as long as asked"
    return sum(counts) / took


async def _stream(peer: Peer, digest: str, prompt: Sequence[int], tokens: int) -> int:
    """Reads one answer to its end; how many tokens it had."""
    asked = generation_pb2.Generation(
        model=generation_pb2.ModelRef(digest=digest),
        token_ids=generation_pb2.TokenIds(ids=prompt),
        sampling=generation_pb2.Sampling(logit_bias=_NEVER),
        max_tokens=tokens,
    )
    stub, request = EngineServiceStub(peer.channel), pb.SubmitRequest(generation=asked)
    count = 0
    async for answer in peer.stream(stub.Submit, request, pb.SubmitResponse, as_service=True):
        count = answer.chunk.finish.usage.completion_tokens or count
    return count
