"""Tokens of a text, and the text of tokens, as JSON."""

from collections.abc import Mapping
from typing import Any

from colonnade.errors import Internal
from colonnade.gateway.domain.generation import Chunk
from colonnade.gateway.domain.texts import Tokenized
from colonnade.gateway.http.render_generation import model_of
from colonnade.gateway.http.render_whole import WholeRenderer


class TokensRenderer(WholeRenderer):
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
