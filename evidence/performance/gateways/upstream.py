"""The mock upstream: answers of so many equal tokens, over OpenAI's HTTP and over the platform's own gRPC.

Its HTTP half is raw ASGI with frames rendered beforehand, so it is also the floor: what any server that
speaks this protocol in Python costs at least. ``python -m evidence.performance.gateways.upstream '<JSON>'``.
"""

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import uvicorn

from colonnade import rpc
from colonnade.api.generation.v1 import generation_pb2
from colonnade.api.inference.v1 import inference_pb2, inference_pb2_grpc
from colonnade.api.registry.v1 import manifest_pb2, registry_pb2, registry_pb2_grpc
from colonnade.security.access import inference as inference_access
from colonnade.security.access import registry as registry_access

MODEL, WORD = "mock", " word"
DIGEST = "sha256:" + "0" * 64
_JSON = [(b"content-type", b"application/json")]
_EVENTS = [(b"content-type", b"text/event-stream")]


@dataclass(frozen=True, slots=True)
class Options:
    port: int
    registry: str
    inference: str
    identity: str
    delay: float
    """Seconds before an answer begins, as an engine needs them: on average, give or take half of it."""


def _delays(mean: float) -> Iterator[float]:
    random = Random(7)
    while True:
        yield mean * (0.5 + random.random())


class Http:
    """``POST /v1/chat/completions``, whatever the path."""

    def __init__(self, delay: float) -> None:
        self._delays = _delays(delay)
        self._frame = _event({"choices": [{"index": 0, "delta": {"content": WORD}, "finish_reason": None}]})

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        asked = json.loads(await _body(receive) or b"{}")
        tokens = int(asked.get("max_tokens") or 1)
        await asyncio.sleep(next(self._delays))
        if asked.get("stream"):
            await self._stream(send, tokens, bool(asked.get("stream_options")))
        else:
            await send({"type": "http.response.start", "status": 200, "headers": _JSON})
            await send({"type": "http.response.body", "body": _whole(tokens)})

    async def _stream(self, send: Any, tokens: int, usage: bool) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _EVENTS})
        for _ in range(tokens):
            await send({"type": "http.response.body", "body": self._frame, "more_body": True})
            await asyncio.sleep(0)  # a token a step, as an engine gives them
        last = _event({"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]})
        if usage:
            last += _event({"choices": [], "usage": _usage(tokens)})
        await send({"type": "http.response.body", "body": last + b"data: [DONE]\n\n"})


class Registry(registry_pb2_grpc.RegistryServiceServicer):
    async def Resolve(self, request: Any, context: Any) -> Any:  # noqa: N802
        manifest = manifest_pb2.Manifest(
            name=MODEL, version=1, digest=DIGEST, family="transformer", context_length=1 << 20
        )
        targets = [registry_pb2.ResolvedTarget(manifest=manifest, weight=100)]
        return registry_pb2.ResolveResponse(name=MODEL, alias="production", targets=targets)


class Inference(inference_pb2_grpc.InferenceServiceServicer):
    def __init__(self, delay: float) -> None:
        self._delays = _delays(delay)
        token = generation_pb2.Token(id=7, text=WORD)
        self._chunk = inference_pb2.GenerateResponse(chunk=generation_pb2.Chunk(text=WORD, tokens=[token]))

    async def Generate(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        asked = request.generation
        await asyncio.sleep(next(self._delays))
        for _ in range(asked.max_tokens):
            yield self._chunk
        yield inference_pb2.GenerateResponse(chunk=generation_pb2.Chunk(finish=_finish(asked)))

    async def GenerateWhole(self, request: Any, context: Any) -> Any:  # noqa: N802
        asked = request.request.generation
        await asyncio.sleep(next(self._delays))
        chunk = generation_pb2.Chunk(text=WORD * asked.max_tokens, finish=_finish(asked))
        part = inference_pb2.GenerateResponse(chunk=chunk, unlisted_tokens=asked.max_tokens)
        return inference_pb2.GenerateWholeResponse(parts=[part])


async def main(options: Options) -> None:
    identity = rpc.Identity("mock", Path(options.identity))
    registry = rpc.Server(options.registry, registry_access.RPCS, identity)
    registry.add(
        registry_pb2_grpc.add_RegistryServiceServicer_to_server,
        Registry(),  # type: ignore[abstract] # what a gateway does not ask for here is not there
        "colonnade.api.registry.v1.RegistryService",
    )
    inference = rpc.Server(options.inference, inference_access.RPCS, identity)
    inference.add(
        inference_pb2_grpc.add_InferenceServiceServicer_to_server,
        Inference(options.delay),  # type: ignore[abstract]
        "colonnade.api.inference.v1.InferenceService",
    )
    for server in (registry, inference):
        await server.start()
        await server.ready(True)
    config = uvicorn.Config(
        Http(options.delay), host="127.0.0.1", port=options.port, log_config=None, access_log=False,
        lifespan="off", ws="none", timeout_keep_alive=600,
    )  # fmt: skip
    await uvicorn.Server(config).serve()


def _finish(asked: generation_pb2.Generation) -> generation_pb2.Finish:
    return generation_pb2.Finish(
        reason=generation_pb2.FINISH_REASON_LENGTH,
        usage=generation_pb2.Usage(prompt_tokens=8, completion_tokens=asked.max_tokens),
        model=asked.model,
    )


def _event(more: dict[str, Any]) -> bytes:
    head = {"id": "chatcmpl-mock", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
    return b"data: " + json.dumps(head | more).encode() + b"\n\n"


def _whole(tokens: int) -> bytes:
    message = {"role": "assistant", "content": WORD * tokens}
    answer = {
        "id": "chatcmpl-mock", "object": "chat.completion", "created": int(time.time()), "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": "length"}], "usage": _usage(tokens),
    }  # fmt: skip
    return json.dumps(answer).encode()


def _usage(tokens: int) -> dict[str, int]:
    return {"prompt_tokens": 8, "completion_tokens": tokens, "total_tokens": 8 + tokens}


async def _body(receive: Any) -> bytes:
    parts = bytearray()
    while True:
        message = await receive()
        parts += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(parts)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    asyncio.run(main(Options(**json.loads(sys.argv[1]))))
