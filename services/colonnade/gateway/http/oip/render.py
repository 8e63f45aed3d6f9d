"""An answer of a model as the protocol writes it, whole and in events."""

from collections.abc import Iterator, Mapping
from typing import Any

from colonnade.errors import ColonnadeError, Internal
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk, Finish, Token
from colonnade.gateway.http.framing import Framing, frame
from colonnade.gateway.http.oip.errors import oip_shape
from colonnade.gateway.http.render_generation import headers_of
from colonnade.gateway.http.wire_guard import guard_part


class OipRenderer:
    """The last event, and the JSON answer, say how it ended. With details, every token has an event."""

    status = 200

    def __init__(self, exchange: Exchange, given_id: str | None) -> None:
        self._exchange = exchange
        self._id = {} if given_id is None else {"id": given_id}

    def headers(self) -> Mapping[str, str]:
        return headers_of(self._exchange)

    def events(self, item: Chunk) -> Iterator[Mapping[str, Any]]:
        if self._detailed and item.tokens:
            for token in item.tokens:
                yield self._head(token.text) | {"details": {"token": _token(token)}}
        elif item.text:
            yield self._head(item.text)
        if item.finish is not None:
            yield self._head("") | {"details": self._details(item.finish)}

    def whole(self, items: list[Chunk]) -> Mapping[str, Any]:
        finish = items[-1].finish if items else None
        if finish is None:
            raise Internal("the answer has no end")
        details = self._details(finish)
        if self._detailed:
            details["logprobs"] = [_token(token) for item in items for token in item.tokens]
        return self._head("".join(item.text for item in items)) | {"details": details}

    def _details(self, finish: Finish) -> dict[str, Any]:
        return {
            "finish_reason": finish.reason,
            "prompt_tokens": finish.usage.prompt_tokens,
            "completion_tokens": finish.usage.completion_tokens,
            "seed": finish.seed,
        } | guard_part(self._exchange.guard)

    @property
    def _detailed(self) -> bool:
        return self._exchange.asked.logprobs is not None

    def _head(self, text: str) -> dict[str, Any]:
        target = self._exchange.target
        if target is None:
            raise Internal("the answer has no model")
        return {
            "text_output": text,
            "model_name": target.name,
            "model_version": str(target.version),
        } | self._id


def _token(token: Token) -> dict[str, Any]:
    return {"id": token.id, "text": token.text, "logprob": token.logprob}


def _failed(error: ColonnadeError, request_id: str) -> bytes:
    return frame(oip_shape(error, request_id))


FRAMING = Framing(done=b"", error=_failed)
"""The end of the stream is the end of the answer."""
