"""``POST /v1/completions``."""

from fastapi import APIRouter, Request

from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk
from colonnade.gateway.http.described import answers
from colonnade.gateway.http.openai.render_completions import CompletionRenderer
from colonnade.gateway.http.openai.wire_answers import COMPLETION_EVENTS, Completion
from colonnade.gateway.http.openai.wire_completions import CompletionBody
from colonnade.gateway.http.route import HotRoute, exchange_of, gateway_of
from colonnade.gateway.http.streaming import Answer
from colonnade.gateway.service.pipeline import Pipeline
from colonnade.gateway.service.several import several

router = APIRouter(route_class=HotRoute, prefix="/v1", tags=["openai"])


@router.post("/completions", response_model=None, responses=answers(Completion, COMPLETION_EVENTS))
async def completions(body: CompletionBody, request: Request) -> Answer[Chunk]:
    """Continues a prompt, or each of several, as OpenAI's older API does."""
    return answer(body, exchange_of(request), gateway_of(request).pipeline)


def answer(body: CompletionBody, exchange: Exchange, pipeline: Pipeline) -> Answer[Chunk]:
    """The same for a request of its own and for a line of a batch."""
    specs = body.specs()
    exchange.spec = specs[0]
    renderer = CompletionRenderer(
        exchange,
        len(specs),
        usage=body.includes_usage,
        echoes=[spec.prompt or "" for spec in specs] if body.echo else (),
    )
    chunks = several(pipeline, exchange, specs)
    return Answer(exchange, chunks, renderer, stream=bool(body.stream))
