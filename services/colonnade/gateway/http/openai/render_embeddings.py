"""Vectors as OpenAI's clients read them."""

import base64
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from colonnade.errors import Internal, Unsupported
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk
from colonnade.gateway.http.openai.about import model_of
from colonnade.gateway.http.render_whole import WholeRenderer, usage_of_texts


class EmbeddingsRenderer(WholeRenderer):
    def __init__(self, exchange: Exchange, *, encoded: bool, dimensions: int | None) -> None:
        """``encoded``: as base64; ``dimensions``: how wide the vectors are expected to be."""
        super().__init__(exchange)
        self._encoded = encoded
        self._dimensions = dimensions

    def whole(self, items: list[Chunk]) -> Mapping[str, Any]:
        usage = usage_of_texts(items)
        if self._exchange.embedded is None:
            raise Internal("the answer has no end")
        vectors = self._exchange.embedded.vectors
        _check_width(vectors, self._dimensions)
        data = [
            {"object": "embedding", "index": index, "embedding": packed(vector) if self._encoded else vector}
            for index, vector in enumerate(vectors)
        ]
        return {"object": "list", "data": data, "model": model_of(self._exchange), "usage": usage}


def packed(vector: Sequence[float]) -> str:
    """float32 numbers, the lowest byte first, as base64."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _check_width(vectors: Sequence[Sequence[float]], dimensions: int | None) -> None:
    width = len(vectors[0]) if vectors else 0
    if dimensions not in (None, width):
        raise Unsupported(
            f"dimensions must be {width} for this model, or left out: vectors are not cut",
            field="dimensions",
            limit=width,
        )
