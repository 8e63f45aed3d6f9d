"""A mock engine behind the real gateway and the real inference service: so many answers at once, a token at
a time, and a note of every stream that was ended early.

It stands for an engine on a machine of its own: it takes next to nothing of the cores that the rest is
measured on. ``python -m evidence.performance.gateways.engine '<JSON>'``.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colonnade import rpc
from colonnade.api.engine.v1 import engine_pb2, engine_pb2_grpc
from colonnade.api.generation.v1 import generation_pb2
from colonnade.api.registry.v1 import registry_pb2_grpc
from colonnade.errors import Overloaded
from colonnade.security.access import engine as engine_access
from colonnade.security.access import registry as registry_access
from evidence.performance.gateways.upstream import DIGEST, MODEL, WORD, Registry

_NUMBER = re.compile(r"\d+")
_TOKEN = engine_pb2.SubmitResponse(
    chunk=generation_pb2.Chunk(text=WORD, tokens=[generation_pb2.Token(id=7, text=WORD)])
)


@dataclass(frozen=True, slots=True)
class Options:
    registry: str
    engine: str
    identity: str
    notes: str
    """The file that tells of streams that were ended early."""
    slots: int
    """Answers at once."""
    queue: int
    """Requests that may wait for a slot; more are refused."""
    token_seconds: float


@dataclass
class _Answer:
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    tokens: int = 0


class Engine(engine_pb2_grpc.EngineServiceServicer):
    def __init__(self, options: Options) -> None:
        self._options = options
        self._slots = asyncio.Semaphore(options.slots)
        self._answers: dict[str, _Answer] = {}
        self._notes = Path(options.notes).open("w", buffering=1)  # noqa: SIM115 - as long as the process
        self._tokens = 0

    async def Submit(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        asked = request.generation
        if len(self._answers) >= self._options.slots + self._options.queue:
            raise Overloaded(
                f"{self._options.queue} requests wait already, which is the limit; try again shortly",
                limit=self._options.queue,
                retry_after_seconds=1,
            )
        answer = self._answers[asked.request_id] = _Answer()
        try:
            async with self._slots:
                while answer.tokens < asked.max_tokens and not answer.stopped.is_set():
                    answer.tokens += 1
                    self._tokens += 1
                    yield _TOKEN
                    await _pause(answer.stopped, self._options.token_seconds)
            yield _last(asked, answer)
        finally:
            del self._answers[asked.request_id]
            if answer.tokens < asked.max_tokens:
                self._note(_NUMBER.findall(asked.chat.messages[-1].content)[0])

    async def Abort(self, request: Any, context: Any) -> Any:  # noqa: N802
        answer = self._answers.get(request.request_id)
        if answer is not None:
            answer.stopped.set()
        return engine_pb2.AbortResponse(found=answer is not None)

    async def Stats(self, request: Any, context: Any) -> Any:  # noqa: N802
        model = engine_pb2.LoadedModel(
            model=generation_pb2.ModelRef(name=MODEL, version=1, digest=DIGEST),
            family="transformer", capabilities=["generate"], context_length=1 << 20,
            running=len(self._answers),
        )  # fmt: skip
        return engine_pb2.StatsResponse(
            models=[model], instance="mock", outstanding_tokens=self._tokens, queue_capacity=1
        )

    def _note(self, number: str) -> None:
        self._notes.write(json.dumps([int(number), time.monotonic(), self._tokens]) + "\n")


async def _pause(stopped: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopped.wait()
    except TimeoutError:
        return


def _last(asked: Any, answer: _Answer) -> engine_pb2.SubmitResponse:
    stopped = answer.tokens < asked.max_tokens
    finish = generation_pb2.Finish(
        reason=generation_pb2.FINISH_REASON_CANCELLED if stopped else generation_pb2.FINISH_REASON_LENGTH,
        usage=generation_pb2.Usage(prompt_tokens=8, completion_tokens=answer.tokens),
        model=asked.model,
    )
    return engine_pb2.SubmitResponse(chunk=generation_pb2.Chunk(finish=finish))


async def main(options: Options) -> None:
    identity = rpc.Identity("mock", Path(options.identity))
    registry = rpc.Server(options.registry, registry_access.RPCS, identity)
    registry.add(
        registry_pb2_grpc.add_RegistryServiceServicer_to_server,
        Registry(),  # type: ignore[abstract] # what nobody asks for here is not there
        "colonnade.api.registry.v1.RegistryService",
    )
    engine = rpc.Server(options.engine, engine_access.RPCS, identity)
    engine.add(
        engine_pb2_grpc.add_EngineServiceServicer_to_server,
        Engine(options),  # type: ignore[abstract]
        "colonnade.api.engine.v1.EngineService",
    )
    for server in (registry, engine):
        await server.start()
        await server.ready(True)
    await rpc.until_stopped()


if __name__ == "__main__":
    asyncio.run(main(Options(**json.loads(sys.argv[1]))))
