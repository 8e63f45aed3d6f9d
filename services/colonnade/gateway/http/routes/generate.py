"""``POST /generate``."""

from fastapi import APIRouter, Request

from colonnade.gateway.domain.generation import Chunk
from colonnade.gateway.http.described import answers
from colonnade.gateway.http.render_generation import GenerationRenderer
from colonnade.gateway.http.route import HotRoute, exchange_of, gateway_of
from colonnade.gateway.http.streaming import Answer
from colonnade.gateway.http.wire_answers import EVENTS, GenerateAnswer
from colonnade.gateway.http.wire_generate import GenerateBody

router = APIRouter(route_class=HotRoute, tags=["generate"])


@router.post("/generate", response_model=None, responses=answers(GenerateAnswer, EVENTS))
async def generate(body: GenerateBody, request: Request) -> Answer[Chunk]:
    """Answers a prompt or a conversation, as JSON or, with `stream`, as server-sent events."""
    exchange = exchange_of(request)
    exchange.spec = body.spec()
    chunks = gateway_of(request).pipeline.generate(exchange)
    return Answer(exchange, chunks, GenerationRenderer(exchange), stream=bool(body.stream))
