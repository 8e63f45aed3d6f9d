"""A chat completion as JSON, and as events."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from colonnade.errors import Internal
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk, Finish, together
from colonnade.gateway.domain.tools import CallPart
from colonnade.gateway.http.openai.about import fingerprint, logprobs_of, model_of, reason_of, usage_of
from colonnade.gateway.http.render_generation import headers_of
from colonnade.gateway.http.wire_guard import guard_part
from colonnade.gateway.http.wire_recall import memory_part


class ChatRenderer:
    """Each answer begins with its role and ends with an event of its own that has the reason."""

    status = 200

    def __init__(self, exchange: Exchange, *, usage: bool = False) -> None:
        """``usage``: a stream ends with an event that has it."""
        self._exchange = exchange
        self._usage = usage
        self._created = int(time.time())
        self._begun: set[int] = set()
        self._ended: dict[int, Finish] = {}

    def headers(self) -> Mapping[str, str]:
        return headers_of(self._exchange)

    def events(self, item: Chunk) -> Iterator[Mapping[str, Any]]:
        scored = bool(item.tokens) and self._exchange.asked.logprobs is not None
        delta = self._delta(item, scored)
        if delta or scored:
            yield self._event([_choice(item.index, delta, logprobs_of(item.tokens) if scored else None)])
        if item.finish is not None:
            self._ended[item.index] = item.finish
            last = len(self._ended) == self._exchange.asked.n
            about = self._about() if last else {}
            yield self._event([_choice(item.index, {}, None, reason_of(item.finish))]) | about
            if self._usage and last:
                yield self._event([]) | {"usage": usage_of([together(self._ended)])}

    def whole(self, items: list[Chunk]) -> Mapping[str, Any]:
        finishes = {item.index: item.finish for item in items if item.finish is not None}
        if len(finishes) != self._exchange.asked.n:
            raise Internal("the answer has no end")
        choices = [self._whole_choice(items, index, finishes[index]) for index in sorted(finishes)]
        usage = usage_of([together(finishes)])
        return self._head("chat.completion") | {"choices": choices, "usage": usage} | self._about()

    def _whole_choice(self, items: list[Chunk], index: int, finish: Finish) -> dict[str, Any]:
        mine = [item for item in items if item.index == index]
        tokens = [token for item in mine for token in item.tokens]
        return {
            "index": index,
            "message": _message(mine),
            "logprobs": None if self._exchange.asked.logprobs is None else logprobs_of(tokens),
            "finish_reason": reason_of(finish),
        }

    def _delta(self, item: Chunk, scored: bool) -> dict[str, Any]:
        delta: dict[str, Any] = {}
        if item.index not in self._begun and (item.text or item.calls or scored or item.finish):
            self._begun.add(item.index)
            delta = {"role": "assistant", "content": None if item.calls else "", "refusal": None}
        if item.text:
            delta["content"] = item.text
        if item.calls:
            delta["tool_calls"] = [_call_delta(part) for part in item.calls]
        return delta

    def _about(self) -> dict[str, Any]:
        """What OpenAI has no field for."""
        return memory_part(self._exchange.memory) | guard_part(self._exchange.guard)

    def _event(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        event = self._head("chat.completion.chunk") | {"choices": choices}
        return event | ({"usage": None} if self._usage else {})

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self._exchange.request_id}",
            "object": kind,
            "created": self._created,
            "model": model_of(self._exchange),
            "system_fingerprint": fingerprint(self._exchange),
        }


def _choice(
    index: int, delta: dict[str, Any], logprobs: dict[str, Any] | None, reason: str | None = None
) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": reason}


def _call_delta(part: CallPart) -> dict[str, Any]:
    if not part.id:
        return {"index": part.call, "function": {"arguments": part.arguments}}
    function = {"name": part.name, "arguments": part.arguments}
    return {"index": part.call, "id": part.id, "type": "function", "function": function}


def _message(items: Sequence[Chunk]) -> dict[str, Any]:
    text, calls = "".join(item.text for item in items), calls_of(items)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": text or (None if calls else ""),
        "refusal": None,
    }
    return message | ({"tool_calls": calls} if calls else {})


def calls_of(items: Sequence[Chunk]) -> list[dict[str, Any]]:
    """The calls of one answer, whole."""
    calls: dict[int, dict[str, Any]] = {}
    for part in (part for item in items for part in item.calls):
        if part.id:
            function = {"name": part.name, "arguments": ""}
            calls[part.call] = {"id": part.id, "type": "function", "function": function}
        calls[part.call]["function"]["arguments"] += part.arguments
    return list(calls.values())
