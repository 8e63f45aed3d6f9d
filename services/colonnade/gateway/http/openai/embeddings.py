"""``POST /v1/embeddings``."""

from fastapi import APIRouter, Request

from colonnade.gateway.domain.generation import Chunk
from colonnade.gateway.http.openai.render_embeddings import EmbeddingsRenderer
from colonnade.gateway.http.openai.wire_embeddings import EmbeddingsBody
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.gateway.http.streaming import Answer

router = APIRouter(route_class=GuardedRoute, prefix="/v1", tags=["openai"])


@router.post("/embeddings", response_model=None)
async def embeddings(body: EmbeddingsBody, request: Request) -> Answer[Chunk]:
    """A vector for each text, as OpenAI's API has them."""
    exchange = exchange_of(request)
    exchange.spec = body.spec()
    encoded = body.encoding_format == "base64"
    renderer = EmbeddingsRenderer(exchange, encoded=encoded, dimensions=body.dimensions)
    return Answer(exchange, gateway_of(request).pipeline.embed(exchange), renderer, stream=False)
