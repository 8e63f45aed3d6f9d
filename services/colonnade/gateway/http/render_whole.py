"""Answers that are only ever whole: there is nothing to show before the end."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from colonnade.errors import Internal
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk
from colonnade.gateway.http.render_generation import headers_of


class WholeRenderer(ABC):
    status = 200

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def headers(self) -> Mapping[str, str]:
        return headers_of(self._exchange)

    def events(self, item: Chunk) -> Iterator[Mapping[str, Any]]:
        yield self.whole([item])

    @abstractmethod
    def whole(self, items: list[Chunk]) -> Mapping[str, Any]: ...


def usage_of_texts(items: Sequence[Chunk]) -> dict[str, int]:
    """What reading them took: nothing was generated."""
    finish = items[-1].finish if items else None
    if finish is None:
        raise Internal("the answer has no end")
    tokens = finish.usage.prompt_tokens
    return {"prompt_tokens": tokens, "total_tokens": tokens}
