"""A servicer that shows what arrives at it: the engine's contract, none of its work."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from colonnade.api.engine.v1 import engine_pb2 as engine
from colonnade.api.engine.v1.engine_pb2_grpc import EngineServiceServicer
from colonnade.api.generation.v1.generation_pb2 import Chunk
from colonnade.errors import NotFound, Overloaded
from colonnade.rpc import CallContext, current
from colonnade.security.identity import Role
from colonnade.telemetry import current_request_id

NAME = "colonnade.api.engine.v1.EngineService"
CALLERS = frozenset({Role.CALLER, Role.SERVICE})
LISTED = ("Submit", "Abort", "Score", "Embed", "Stats", "Load")
RPCS = {f"/{NAME}/{method}": CALLERS for method in LISTED}


class Subject(EngineServiceServicer):
    def __init__(self) -> None:
        self.calls: list[CallContext] = []
        self.request_ids: list[str] = []
        self.traceparents: list[str] = []
        self.streaming = asyncio.Event()
        self.ended = asyncio.Event()
        self.context_kept = False
        self.details: dict[str, Any] = {}

    async def Stats(self, request: engine.StatsRequest, context: Any) -> engine.StatsResponse:
        self.calls.append(current())
        self.request_ids.append(current_request_id())
        self.traceparents += [value for key, value in context.invocation_metadata() if key == "traceparent"]
        return engine.StatsResponse(instance="one")

    async def Submit(
        self, request: engine.SubmitRequest, context: Any
    ) -> AsyncIterator[engine.SubmitResponse]:
        """Two chunks, then nothing until it is cancelled; a prompt of "flood" never pauses."""
        self.calls.append(current())
        try:
            yield engine.SubmitResponse(chunk=Chunk(text="a"))
            yield engine.SubmitResponse(chunk=Chunk(text="b"))
            self.streaming.set()
            while request.generation.prompt == "flood":
                yield engine.SubmitResponse(chunk=Chunk(text="x" * 1000))
            await asyncio.Event().wait()
        finally:
            self.context_kept = current() is self.calls[-1]
            self.ended.set()

    async def Load(self, request: engine.LoadRequest, context: Any) -> AsyncIterator[engine.LoadResponse]:
        """One message, then a refusal."""
        yield engine.LoadResponse(stage="verify")
        raise Overloaded("no room", retry_after_seconds=3)

    async def Abort(self, request: engine.AbortRequest, context: Any) -> engine.AbortResponse:
        raise NotFound(request.request_id, **self.details)

    async def Score(self, request: engine.ScoreRequest, context: Any) -> engine.ScoreResponse:
        raise RuntimeError("/home/someone/secret.pem: password=hunter2")

    async def Embed(self, request: engine.EmbedRequest, context: Any) -> engine.EmbedResponse:
        """Never answers."""
        self.calls.append(current())
        self.streaming.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()
        return engine.EmbedResponse()

    async def Tokenize(self, request: engine.TokenizeRequest, context: Any) -> engine.TokenizeResponse:
        return engine.TokenizeResponse(ids=[1, 2])

    async def Detokenize(self, request: engine.DetokenizeRequest, context: Any) -> engine.DetokenizeResponse:
        return engine.DetokenizeResponse(text="ab")

    async def Unload(self, request: engine.UnloadRequest, context: Any) -> engine.UnloadResponse:
        """Not in the access table."""
        return engine.UnloadResponse(found=True)

    async def LoadAdapter(
        self, request: engine.LoadAdapterRequest, context: Any
    ) -> engine.LoadAdapterResponse:
        """Not in the access table."""
        return engine.LoadAdapterResponse()

    async def UnloadAdapter(
        self, request: engine.UnloadAdapterRequest, context: Any
    ) -> engine.UnloadAdapterResponse:
        """Not in the access table."""
        return engine.UnloadAdapterResponse(found=True)
