"""Tokens of a text, and the text of tokens, as JSON."""

from collections.abc import Iterator, Mapping
from typing import Any

from colonnade.errors import Internal
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk
from colonnade.gateway.domain.texts import Tokenized
from colonnade.gateway.http.render_generation import headers_of, model_of


class TokensRenderer:
    """Always whole."""

    status = 200

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def headers(self) -> Mapping[str, str]:
        return headers_of(self._exchange)

    def events(self, item: Chunk) -> Iterator[Mapping[str, Any]]:
        yield self.whole([item])

    def whole(self, items: list[Chunk]) -> Mapping[str, Any]:
        exchange = self._exchange
        if exchange.tokenized is not None:
            return _tokens(exchange.tokenized) | {"model": model_of(exchange)}
        if exchange.detokenized is not None:
            return {"prompt": exchange.detokenized, "model": model_of(exchange)}
        raise Internal("the answer has no end")


def _tokens(found: Tokenized) -> dict[str, Any]:
    return {
        "tokens": found.ids,
        "count": len(found.ids),
        "max_model_len": found.context_length,
        "token_strs": found.texts if found.texts else None,
    }
