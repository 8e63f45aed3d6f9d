"""An answer of a model as JSON, and as events."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from colonnade.errors import Internal
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk, Finish, Token, Usage, together
from colonnade.gateway.domain.models import Target
from colonnade.gateway.http.caching import cache_headers, cache_part
from colonnade.gateway.http.lineage_link import LINEAGE, lineage_link
from colonnade.gateway.http.wire_guard import guard_part
from colonnade.gateway.http.wire_recall import memory_part

MODEL_VERSION = "x-colonnade-model-version"
DEGRADED = "x-colonnade-degraded"


class GenerationRenderer:
    """Text goes out as it comes; the last event, and the JSON answer, say how it ended.

    Where several answers were asked for, every event says of which it is, each answer ends with an event of
    its own, and the last event is about all of them."""

    status = 200

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._id = f"gen-{exchange.request_id}"
        self._ended: dict[int, Finish] = {}

    def headers(self) -> Mapping[str, str]:
        return headers_of(self._exchange)

    def events(self, item: Chunk) -> Iterator[Mapping[str, Any]]:
        head: dict[str, Any] = {"id": self._id}
        if self._exchange.asked.n > 1:
            head["index"] = item.index
        if item.text or item.tokens:
            event = head | {"text": item.text}
            if self._exchange.asked.logprobs is not None:
                event["tokens"] = [_token(token) for token in item.tokens]
            yield event
        if item.finish is not None:
            yield from self._last_events(head, item, item.finish)

    def _last_events(self, head: dict[str, Any], item: Chunk, finish: Finish) -> Iterator[Mapping[str, Any]]:
        self._ended[item.index] = finish
        if self._exchange.asked.n == 1:
            yield head | {"text": ""} | _ending(finish) | self._about(finish)
            return
        yield head | {"text": ""} | _ending(finish)
        if len(self._ended) == self._exchange.asked.n:
            yield {"id": self._id, "text": ""} | self._about(together(self._ended))

    def whole(self, items: list[Chunk]) -> Mapping[str, Any]:
        finishes = {item.index: item.finish for item in items if item.finish is not None}
        if len(finishes) != self._exchange.asked.n:
            raise Internal("the answer has no end")
        answers = [self._answer(items, index, finishes[index]) for index in sorted(finishes)]
        whole = {"id": self._id} | answers[0] | self._about(together(finishes))
        if len(answers) > 1:
            whole["choices"] = [{"index": index} | answer for index, answer in enumerate(answers)]
        return whole

    def _answer(self, items: list[Chunk], index: int, finish: Finish) -> dict[str, Any]:
        mine = [item for item in items if item.index == index]
        answer = {"text": "".join(item.text for item in mine)} | _ending(finish)
        if self._exchange.asked.logprobs is not None:
            answer["logprobs"] = [_token(token) for item in mine for token in item.tokens]
        return answer

    def _about(self, finish: Finish) -> dict[str, Any]:
        """What is said once, however many answers there are."""
        usage, timings = finish.usage, finish.timings
        return {
            "model": model_of(self._exchange),
            "lineage": link_of(self._exchange),
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
            **cache_part(self._exchange.cached),
            **memory_part(self._exchange.memory),
            **guard_part(self._exchange.guard),
        }


def _ending(finish: Finish) -> dict[str, Any]:
    """How one answer ended."""
    ending: dict[str, Any] = {"finish_reason": finish.reason, "seed": finish.seed}
    return ending | ({"stop": finish.stop} if finish.stop else {})


def _guesses(usage: Usage) -> dict[str, int]:
    if not usage.guessed_tokens:
        return {}
    return {"guessed_tokens": usage.guessed_tokens, "accepted_tokens": usage.accepted_tokens}


def headers_of(exchange: Exchange) -> Mapping[str, str]:
    """Which version answers, and what it had to do without."""
    headers = {}
    if exchange.target:
        headers = {MODEL_VERSION: exchange.target.label, LINEAGE: lineage_link(exchange.target)}
    if exchange.degraded:
        headers[DEGRADED] = ", ".join(exchange.degraded)
    return headers | cache_headers(exchange.cached)


def model_of(exchange: Exchange) -> dict[str, Any]:
    target = _target(exchange)
    used = _version(target)
    return used | ({"adapter": _version(target.adapter)} if target.adapter else {})


def link_of(exchange: Exchange) -> str:
    return lineage_link(_target(exchange))


def _target(exchange: Exchange) -> Target:
    if exchange.target is None:
        raise Internal("the answer has no model")
    return exchange.target


def _version(target: Target) -> dict[str, Any]:
    return {"name": target.name, "version": target.version, "digest": target.digest}


def _token(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "text": token.text,
        "logprob": token.logprob,
        "top": [{"id": rival.id, "text": rival.text, "logprob": rival.logprob} for rival in token.top],
    }
