"""Vectors and scores of texts as JSON."""

from collections.abc import Iterator, Mapping
from typing import Any

from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk
from colonnade.gateway.http.render_generation import model_of
from colonnade.gateway.http.render_whole import WholeRenderer, usage_of_texts


class TextsRenderer(WholeRenderer):
    def whole(self, items: list[Chunk]) -> Mapping[str, Any]:
        return {
            "data": [{"index": index} | found for index, found in enumerate(_findings(self._exchange))],
            "model": model_of(self._exchange),
            "usage": usage_of_texts(items),
        }


def _findings(exchange: Exchange) -> Iterator[dict[str, Any]]:
    for vector in exchange.embedded.vectors if exchange.embedded else ():
        yield {"embedding": vector}
    for text in exchange.scored.texts if exchange.scored else ():
        tokens = [{"id": token.id, "text": token.text, "logprob": token.logprob} for token in text.tokens]
        yield {"tokens": tokens, "total_logprob": text.total_logprob}
