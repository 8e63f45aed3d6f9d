"""``POST /v1/responses``."""

from fastapi import APIRouter, Request

from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk
from colonnade.gateway.http.described import answers
from colonnade.gateway.http.openai.naming import named
from colonnade.gateway.http.responses.render import ResponsesRenderer
from colonnade.gateway.http.responses.wire import ResponsesBody
from colonnade.gateway.http.responses.wire_answer import EVENTS, ResponseObject
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.gateway.http.streaming import Answer
from colonnade.gateway.service.pipeline import Pipeline

router = APIRouter(route_class=GuardedRoute, prefix="/v1", tags=["openai"])


@router.post("/responses", response_model=None, responses=answers(ResponseObject, EVENTS))
async def responses(body: ResponsesBody, request: Request) -> Answer[Chunk]:
    """Answers a text or a list of items as OpenAI's Responses API does; nothing is kept of it."""
    return answer(body, exchange_of(request), gateway_of(request).pipeline)


def answer(body: ResponsesBody, exchange: Exchange, pipeline: Pipeline) -> Answer[Chunk]:
    """The same for a request of its own and for a line of a batch."""
    exchange.spec = body.spec()
    renderer = ResponsesRenderer(exchange, body.echo())
    chunks = named(pipeline.generate(exchange), body.names())
    return Answer(exchange, chunks, renderer, stream=bool(body.stream), framing=renderer.framing)
