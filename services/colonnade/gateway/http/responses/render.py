"""A response as JSON, and as the events of its stream."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from colonnade.errors import ColonnadeError, Internal
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk, Finish
from colonnade.gateway.http.framing import Framing, frame
from colonnade.gateway.http.openai.about import model_of
from colonnade.gateway.http.openai.errors import openai_shape
from colonnade.gateway.http.render_generation import headers_of
from colonnade.gateway.http.responses.output import Output
from colonnade.gateway.http.wire_guard import guard_part

_STATUS: Mapping[str, str] = {
    "length": "incomplete", "content_filter": "incomplete", "cancelled": "cancelled", "deadline": "failed",
}  # fmt: skip
_LAST: Mapping[str, str] = {
    "incomplete": "response.incomplete",
    "cancelled": "response.failed",
    "failed": "response.failed",
}
_CUT: Mapping[str, str] = {"length": "max_output_tokens", "content_filter": "content_filter"}
_LATE = {"code": "server_error", "message": "the deadline passed before the answer was complete"}


class ResponsesRenderer:
    """Events are numbered; the last one has the whole response, which is also the JSON answer."""

    status = 200

    def __init__(self, exchange: Exchange, echo: Mapping[str, Any]) -> None:
        """``echo`` is what the response says again of its request."""
        self._exchange = exchange
        self._echo = echo
        self._created = int(time.time())
        self._number = 0
        self._output = Output(exchange.request_id, scored=exchange.asked.logprobs is not None)

    @property
    def framing(self) -> Framing:
        """Events have names, and nothing follows the last one."""
        return Framing(_frame, b"", self._failed)

    def headers(self) -> Mapping[str, str]:
        return headers_of(self._exchange)

    def events(self, item: Chunk) -> Iterator[Mapping[str, Any]]:
        if not self._number:
            for kind in ("response.created", "response.in_progress"):
                yield self._event(kind, response=self._response("in_progress"))
        for kind, fields in self._output.take(item):
            yield self._event(kind, **fields)
        if item.finish is not None:
            yield from self._last_events(item.finish)

    def whole(self, items: list[Chunk]) -> Mapping[str, Any]:
        if not items or items[-1].finish is None:
            raise Internal("the answer has no end")
        *_, last = (event for item in items for event in self.events(item))
        response: Mapping[str, Any] = last["response"]
        return response

    def _last_events(self, finish: Finish) -> Iterator[Mapping[str, Any]]:
        status = _STATUS.get(finish.reason, "completed")
        for kind, fields in self._output.end(cut=status != "completed"):
            yield self._event(kind, **fields)
        response = self._response(status) | {"usage": _usage(finish), "completed_at": int(time.time())}
        response |= guard_part(self._exchange.guard)
        if status == "incomplete":
            response["incomplete_details"] = {"reason": _CUT[finish.reason]}
        if status == "failed":
            response["error"] = _LATE
        yield self._event(_LAST.get(status, "response.completed"), response=response)

    def _failed(self, error: ColonnadeError, request_id: str) -> bytes:
        shown = openai_shape(error, request_id)["error"]
        code = "rate_limit_exceeded" if shown["code"] == "rate_limit_exceeded" else "server_error"
        response = self._response("failed") | {"error": {"code": code, "message": error.message}}
        return _frame(self._event("response.failed", response=response))

    def _event(self, kind: str, **fields: Any) -> dict[str, Any]:
        event = {"type": kind, "sequence_number": self._number} | fields
        self._number += 1
        return event

    def _response(self, status: str) -> dict[str, Any]:
        return {
            "id": f"resp_{self._exchange.request_id}",
            "object": "response",
            "created_at": self._created,
            "completed_at": None,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "model": model_of(self._exchange),
            "output": self._output.shown,
            "usage": None,
            **self._echo,
        }


def _usage(finish: Finish) -> dict[str, Any]:
    usage = finish.usage
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_prompt_tokens},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def _frame(event: Mapping[str, Any]) -> bytes:
    return b"event: " + str(event["type"]).encode() + b"\n" + frame(event)
