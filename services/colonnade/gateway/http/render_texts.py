"""Vectors and scores of texts as JSON."""

from collections.abc import Iterator, Mapping
from typing import Any

from colonnade.errors import Internal
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk
from colonnade.gateway.http.render_generation import headers_of, model_of


class TextsRenderer:
    """Always whole: there is nothing to show before the end."""

    status = 200

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def headers(self) -> Mapping[str, str]:
        return headers_of(self._exchange)

    def events(self, item: Chunk) -> Iterator[Mapping[str, Any]]:
        yield self.whole([item])

    def whole(self, items: list[Chunk]) -> Mapping[str, Any]:
        finish = items[-1].finish if items else None
        if finish is None:
            raise Internal("the answer has no end")
        tokens = finish.usage.prompt_tokens
        return {
            "data": [{"index": index} | found for index, found in enumerate(_findings(self._exchange))],
            "model": model_of(self._exchange),
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }


def _findings(exchange: Exchange) -> Iterator[dict[str, Any]]:
    for vector in exchange.embedded.vectors if exchange.embedded else ():
        yield {"embedding": vector}
    for text in exchange.scored.texts if exchange.scored else ():
        tokens = [{"id": token.id, "text": token.text, "logprob": token.logprob} for token in text.tokens]
        yield {"tokens": tokens, "total_logprob": text.total_logprob}
