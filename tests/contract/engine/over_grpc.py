"""Any engine that speaks ``colonnade.api.engine.v1``: ours, or another behind the same contract."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any, cast

from colonnade.api.engine.v1 import engine_pb2 as pb
from colonnade.api.engine.v1 import engine_pb2_grpc
from colonnade.api.generation.v1 import generation_pb2 as gen
from colonnade.rpc import Peer
from tests.contract.engine.cases import Answer, Ask

_REASONS = {
    gen.FINISH_REASON_STOP: "stop",
    gen.FINISH_REASON_LENGTH: "length",
    gen.FINISH_REASON_CANCELLED: "cancelled",
}
LIMIT = 60.0


class OverGrpc:
    """``peer`` is connected to the engine; ``model`` is loaded there. Runs on ``runner``'s loop."""

    def __init__(self, runner: asyncio.Runner, peer: Peer, model: gen.ModelRef) -> None:
        self._runner, self._peer, self._model = runner, peer, model
        self._stub = engine_pb2_grpc.EngineServiceStub(peer.channel)

    def answers(self, asks: Sequence[Ask]) -> list[Answer]:
        return self._runner.run(self._all(asks))

    def held(self) -> dict[str, int]:
        return self._runner.run(self._held())

    async def _all(self, asks: Sequence[Ask]) -> list[Answer]:
        async with asyncio.timeout(LIMIT), asyncio.TaskGroup() as together:
            started = {
                ask: together.create_task(self._one(ask)) for ask in sorted(asks, key=lambda ask: ask.arrives)
            }
        return [started[ask].result() for ask in asks]

    async def _one(self, ask: Ask) -> Answer:
        tokens: list[int] = []
        text = ""
        request = pb.SubmitRequest(generation=_generation(ask, self._model))
        stream = cast("Any", self._peer.stream(self._stub.Submit, request, pb.SubmitResponse))
        async with aclosing(stream) as responses:
            async for response in responses:
                tokens += [token.id for token in response.chunk.tokens]
                text += response.chunk.text
                if response.chunk.HasField("finish"):
                    finish = response.chunk.finish
                    count = finish.usage.completion_tokens
                    return Answer(tuple(tokens), text, _REASONS[finish.reason], count)
                if ask.leaves_after is not None and len(tokens) >= ask.leaves_after:
                    break
        return Answer(tuple(tokens), text, "cancelled", len(tokens))

    async def _held(self) -> dict[str, int]:
        """A cancelled call's sequence leaves before the next forward, which may be a moment from now."""
        async with asyncio.timeout(LIMIT):
            while True:
                stats = await self._peer.unary(self._stub.Stats, pb.StatsRequest(), pb.StatsResponse)
                held = {
                    "tokens": stats.outstanding_tokens,
                    "cache": stats.cache_bytes,
                    "requests": sum(model.running + model.waiting for model in stats.models),
                }
                if not any(held.values()):
                    return held


def _generation(ask: Ask, model: gen.ModelRef) -> gen.Generation:
    return gen.Generation(
        model=model,
        prompt=ask.prompt,
        max_tokens=ask.max_tokens,
        sampling=gen.Sampling(
            temperature=ask.temperature,
            top_k=ask.top_k,
            top_p=ask.top_p,
            min_p=ask.min_p,
            repetition_penalty=ask.repetition_penalty,
            seed=ask.seed,
            frequency_penalty=ask.frequency_penalty,
            presence_penalty=ask.presence_penalty,
            logit_bias=dict(ask.bias),
        ),
        stop=ask.stop,
        priority=ask.priority,
        structure=gen.Structure(regex=ask.regex) if ask.regex else None,
    )
