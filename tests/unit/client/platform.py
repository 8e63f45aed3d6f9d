"""A platform of canned answers behind ``httpx.MockTransport``, and both clients in front of it."""

import inspect
import json
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import httpx

from colonnade.client import AsyncColonnade, Colonnade

Answer: TypeAlias = httpx.Response | Exception

MODEL = {"name": "tiny", "version": 3, "digest": "sha256:ab"}
USAGE = {"prompt_tokens": 2, "completion_tokens": 4, "total_tokens": 6, "cached_prompt_tokens": 1}
ENDING = {
    "id": "gen-1",
    "text": "",
    "finish_reason": "stop",
    "model": MODEL,
    "usage": USAGE,
    "timings": {"queue": 0.5},
    "seed": 2**64 - 1,
    "stop": "\n",
}
VERSION = {
    "name": "tiny",
    "version": 3,
    "digest": "sha256:ab",
    "family": "transformer",
    "parameters": 7,
    "size_label": "7",
    "context_length": 64,
    "size_bytes": 28,
    "source": "tiny.gguf",
    "source_digest": "sha256:cd",
    "created_by": "ann",
    "created_at": "2026-01-02T03:04:05Z",
}
KEY = {
    "id": "k1",
    "tenant": "acme",
    "roles": ["admin", "caller"],
    "subject": "",
    "name": "laptop",
    "created_at": "2026-01-02T03:04:05Z",
    "created_by": "local",
    "expires_at": None,
    "revoked_at": None,
    "last_used_at": None,
    "replaces": "",
}


def answer(body: Any, status: int = 200, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json=body, headers=named)


def refused(
    status: int, code: str = "", message: str = "no", *, details: Any = None, **headers: str
) -> httpx.Response:
    error = {"code": code, "message": message, "details": details or {}, "request_id": "r-9"}
    return answer({"error": error}, status, **headers)


def events(*payloads: Any, done: bool = True) -> httpx.Response:
    frames = [f"data: {json.dumps(payload)}\n\n" for payload in payloads]
    return event_text("".join(frames) + ("data: [DONE]\n\n" if done else ""))


def event_text(text: str) -> httpx.Response:
    return httpx.Response(200, text=text, headers={"content-type": "text/event-stream; charset=utf-8"})


@dataclass
class Caller:
    """One of the two clients; ``await`` and ``async for`` whatever it gives back."""

    kind: type[Colonnade] | type[AsyncColonnade]
    answers: list[Answer] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def client(self, base_url: str | None = None, api_key: str | None = None, **options: Any) -> Any:
        async def rest(seconds: float) -> None:
            self.slept.append(seconds)

        sleep: Any = self.slept.append if self.kind is Colonnade else rest
        transport = httpx.MockTransport(self._answer)
        return self.kind(base_url, api_key, transport=transport, sleep=sleep, **options)

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.requests if request.content]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        given = self.answers.pop(0)
        if isinstance(given, Exception):
            raise given
        return given


async def got(value: Any) -> Any:
    """What a method of either client comes to."""
    return await value if inspect.isawaitable(value) else value


async def items(stream: Any) -> list[Any]:
    if hasattr(stream, "__aiter__"):
        return [item async for item in stream]
    return list(stream)


async def closed(stream: Any) -> None:
    await got(stream.aclose() if hasattr(stream, "aclose") else stream.close())
