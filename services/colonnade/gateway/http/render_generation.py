"""An answer of a model as JSON, and as events."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from colonnade.errors import Internal
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk, Finish, Token, Usage
from colonnade.gateway.domain.models import Target

MODEL_VERSION = "x-colonnade-model-version"
DEGRADED = "x-colonnade-degraded"


class GenerationRenderer:
    """Text goes out as it comes; the last event, and the JSON answer, say how it ended."""

    status = 200

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._id = f"gen-{exchange.request_id}"

    def headers(self) -> Mapping[str, str]:
        return headers_of(self._exchange)

    def events(self, item: Chunk) -> Iterator[Mapping[str, Any]]:
        if item.text or item.tokens:
            event: dict[str, Any] = {"id": self._id, "text": item.text}
            if self._exchange.asked.logprobs is not None:
                event["tokens"] = [_token(token) for token in item.tokens]
            yield event
        if item.finish is not None:
            yield {"id": self._id, "text": ""} | self._ending(item.finish)

    def whole(self, items: list[Chunk]) -> Mapping[str, Any]:
        finish = items[-1].finish if items else None
        if finish is None:
            raise Internal("the answer has no end")
        answer = {"id": self._id, "text": "".join(item.text for item in items)} | self._ending(finish)
        if self._exchange.asked.logprobs is not None:
            answer["logprobs"] = [_token(token) for item in items for token in item.tokens]
        return answer

    def _ending(self, finish: Finish) -> dict[str, Any]:
        usage, timings = finish.usage, finish.timings
        ending: dict[str, Any] = {
            "finish_reason": finish.reason,
            "model": model_of(self._exchange),
            "usage": {
                "prompt_tokens": usage.prompt_tokens,
                "completion_tokens": usage.completion_tokens,
                "total_tokens": usage.prompt_tokens + usage.completion_tokens,
                "cached_prompt_tokens": usage.cached_prompt_tokens,
            }
            | _guesses(usage),
            "timings": {
                "queue": timings.queue,
                "prefill": timings.prefill,
                "decode": timings.decode,
                "time_to_first_token": timings.time_to_first_token,
                "total": round(time.monotonic() - self._exchange.received, 6),
            },
            "seed": finish.seed,
        }
        return ending | ({"stop": finish.stop} if finish.stop else {})


def _guesses(usage: Usage) -> dict[str, int]:
    if not usage.guessed_tokens:
        return {}
    return {"guessed_tokens": usage.guessed_tokens, "accepted_tokens": usage.accepted_tokens}


def headers_of(exchange: Exchange) -> Mapping[str, str]:
    """Which version answers, and what it had to do without."""
    headers = {MODEL_VERSION: exchange.target.label} if exchange.target else {}
    if exchange.degraded:
        headers[DEGRADED] = ", ".join(exchange.degraded)
    return headers


def model_of(exchange: Exchange) -> dict[str, Any]:
    target = exchange.target
    if target is None:
        raise Internal("the answer has no model")
    used = _version(target)
    return used | ({"adapter": _version(target.adapter)} if target.adapter else {})


def _version(target: Target) -> dict[str, Any]:
    return {"name": target.name, "version": target.version, "digest": target.digest}


def _token(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "text": token.text,
        "logprob": token.logprob,
        "top": [{"id": rival.id, "text": rival.text, "logprob": rival.logprob} for rival in token.top],
    }
