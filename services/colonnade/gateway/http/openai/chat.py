"""``POST /v1/chat/completions``."""

from fastapi import APIRouter, Request

from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk
from colonnade.gateway.http.described import answers
from colonnade.gateway.http.openai.naming import named
from colonnade.gateway.http.openai.render_chat import ChatRenderer
from colonnade.gateway.http.openai.wire_answers import CHAT_EVENTS, ChatCompletion
from colonnade.gateway.http.openai.wire_chat import ChatBody
from colonnade.gateway.http.route import HotRoute, exchange_of, gateway_of
from colonnade.gateway.http.streaming import Answer
from colonnade.gateway.service.pipeline import Pipeline

router = APIRouter(route_class=HotRoute, prefix="/v1", tags=["openai"])


@router.post("/chat/completions", response_model=None, responses=answers(ChatCompletion, CHAT_EVENTS))
async def chat_completions(body: ChatBody, request: Request) -> Answer[Chunk]:
    """Answers a conversation as OpenAI's API does, with calls of `tools` if it has any."""
    return answer(body, exchange_of(request), gateway_of(request).pipeline)


def answer(body: ChatBody, exchange: Exchange, pipeline: Pipeline) -> Answer[Chunk]:
    """The same for a request of its own and for a line of a batch."""
    exchange.spec = body.spec()
    renderer = ChatRenderer(exchange, usage=body.includes_usage)
    chunks = named(pipeline.generate(exchange), body.names())
    return Answer(exchange, chunks, renderer, stream=bool(body.stream))
