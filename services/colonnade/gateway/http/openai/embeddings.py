"""``POST /v1/embeddings``."""

from fastapi import APIRouter, Request

from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk
from colonnade.gateway.http.described import answers
from colonnade.gateway.http.openai.render_embeddings import EmbeddingsRenderer
from colonnade.gateway.http.openai.wire_answers import Embeddings
from colonnade.gateway.http.openai.wire_embeddings import EmbeddingsBody
from colonnade.gateway.http.route import HotRoute, exchange_of, gateway_of
from colonnade.gateway.http.streaming import Answer
from colonnade.gateway.service.pipeline import Pipeline

router = APIRouter(route_class=HotRoute, prefix="/v1", tags=["openai"])


@router.post("/embeddings", response_model=None, responses=answers(Embeddings))
async def embeddings(body: EmbeddingsBody, request: Request) -> Answer[Chunk]:
    """A vector for each text, as OpenAI's API has them."""
    return answer(body, exchange_of(request), gateway_of(request).pipeline)


def answer(body: EmbeddingsBody, exchange: Exchange, pipeline: Pipeline) -> Answer[Chunk]:
    """The same for a request of its own and for a line of a batch."""
    exchange.spec = body.spec()
    encoded = body.encoding_format == "base64"
    renderer = EmbeddingsRenderer(exchange, encoded=encoded, dimensions=body.dimensions)
    return Answer(exchange, pipeline.embed(exchange), renderer, stream=False)
