"""``POST /embed`` and ``POST /score``: what a model makes of texts that are given."""

from fastapi import APIRouter, Request

from colonnade.gateway.domain.generation import Chunk
from colonnade.gateway.http.described import answers
from colonnade.gateway.http.render_texts import TextsRenderer
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.gateway.http.streaming import Answer
from colonnade.gateway.http.wire_texts import EmbedAnswer, EmbedBody, ScoreAnswer, ScoreBody

router = APIRouter(route_class=GuardedRoute, tags=["texts"])


@router.post("/embed", response_model=None, responses=answers(EmbedAnswer))
async def embed(body: EmbedBody, request: Request) -> Answer[Chunk]:
    """A vector for each text, to compare what they mean. Default model: the newest one made for that."""
    exchange = exchange_of(request)
    exchange.spec = body.spec()
    chunks = gateway_of(request).pipeline.embed(exchange)
    return Answer(exchange, chunks, TextsRenderer(exchange), stream=False)


@router.post("/score", response_model=None, responses=answers(ScoreAnswer))
async def score(body: ScoreBody, request: Request) -> Answer[Chunk]:
    """How likely the model finds each text, token by token, after a context. Default model: the newest."""
    exchange = exchange_of(request)
    exchange.spec = body.spec()
    chunks = gateway_of(request).pipeline.score(exchange)
    return Answer(exchange, chunks, TextsRenderer(exchange), stream=False)
