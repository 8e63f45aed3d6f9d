"""Lines of batches: the bodies, the pipeline and the answers of the routes, without HTTP."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from pydantic import BaseModel, ValidationError

from colonnade.errors import ColonnadeError
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk
from colonnade.gateway.http.errors import invalid, status_of
from colonnade.gateway.http.openai import chat, completions, embeddings
from colonnade.gateway.http.openai.errors import openai_shape
from colonnade.gateway.http.openai.wire_chat import ChatBody
from colonnade.gateway.http.openai.wire_completions import CompletionBody
from colonnade.gateway.http.openai.wire_embeddings import EmbeddingsBody
from colonnade.gateway.http.responses import routes as responses
from colonnade.gateway.http.responses.wire import ResponsesBody
from colonnade.gateway.http.streaming import Answer
from colonnade.gateway.service.pipeline import Pipeline

_Make: TypeAlias = Callable[[Any, Exchange, Pipeline], Answer[Chunk]]
_ENDPOINTS: Mapping[str, tuple[type[BaseModel], _Make]] = {
    "/v1/chat/completions": (ChatBody, chat.answer),
    "/v1/completions": (CompletionBody, completions.answer),
    "/v1/embeddings": (EmbeddingsBody, embeddings.answer),
    "/v1/responses": (ResponsesBody, responses.answer),
}


class LineAnswers:
    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    async def answer(self, exchange: Exchange, endpoint: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        wire, answer = _ENDPOINTS[endpoint]
        return await answer(_parsed(wire, body), exchange, self._pipeline).whole()

    def refusal(self, error: ColonnadeError, request_id: str) -> tuple[int, Mapping[str, Any]]:
        return status_of(error), openai_shape(error, request_id)


def _parsed(wire: type[BaseModel], body: Mapping[str, Any]) -> BaseModel:
    """Refused in the words in which the route refuses it."""
    try:
        return wire.model_validate(body)
    except ValidationError as error:
        raise invalid(error) from None
