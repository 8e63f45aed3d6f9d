"""``POST /tokenize`` and ``POST /detokenize``: what a text is in a model's tokens, and back."""

from fastapi import APIRouter, Request

from colonnade.gateway.domain.generation import Chunk
from colonnade.gateway.http.described import answers
from colonnade.gateway.http.render_tokens import TokensRenderer
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.gateway.http.streaming import Answer
from colonnade.gateway.http.wire_tokens import (
    DetokenizeAnswer,
    DetokenizeBody,
    TokenizeAnswer,
    TokenizeBody,
)

router = APIRouter(route_class=GuardedRoute, tags=["texts"])


@router.post("/tokenize", response_model=None, responses=answers(TokenizeAnswer))
async def tokenize(body: TokenizeBody, request: Request) -> Answer[Chunk]:
    """The tokens of a text, or of a conversation as the model is shown it, ready for the answer."""
    exchange = exchange_of(request)
    exchange.spec = body.spec()
    chunks = gateway_of(request).pipeline.encode(exchange)
    return Answer(exchange, chunks, TokensRenderer(exchange), stream=False)


@router.post("/detokenize", response_model=None, responses=answers(DetokenizeAnswer))
async def detokenize(body: DetokenizeBody, request: Request) -> Answer[Chunk]:
    """The text of tokens, with control tokens by their names."""
    exchange = exchange_of(request)
    exchange.spec = body.spec()
    chunks = gateway_of(request).pipeline.encode(exchange)
    return Answer(exchange, chunks, TokensRenderer(exchange), stream=False)
