"""The asynchronous client: the same calls as the synchronous one, awaited."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Self, TypeVar, Unpack

import httpx

from colonnade.client import calls, exchange
from colonnade.client.adapting import AsyncAdaptations
from colonnade.client.batches import AsyncBatches, AsyncFiles
from colonnade.client.bias import AsyncBias
from colonnade.client.cache import AsyncCache
from colonnade.client.calls import Call, GenerateOptions, Request, TextOptions
from colonnade.client.configuration import configure
from colonnade.client.drafts import AsyncDrafts
from colonnade.client.events import AsyncEvents, AsyncWebhooks
from colonnade.client.fair_use import AsyncLimits, UsageFilter, UsageReport, usage
from colonnade.client.feedback import AsyncFeedback
from colonnade.client.jobs import AsyncJobs
from colonnade.client.keys import AsyncKeys
from colonnade.client.lineage import AsyncLineage
from colonnade.client.memory import AsyncMemory
from colonnade.client.models import AsyncModels
from colonnade.client.results import (
    Chunk,
    Embeddings,
    Engine,
    Generation,
    Health,
    Identity,
    PlatformVersion,
    Scores,
    Tokens,
)
from colonnade.client.rollouts import AsyncRollouts
from colonnade.client.screening import AsyncScreening
from colonnade.client.seals import AsyncSeals
from colonnade.client.streams import AsyncStream
from colonnade.client.subjects import AsyncSubjects
from colonnade.client.upkeep import AsyncRegistry

_T = TypeVar("_T")


class AsyncColonnade:
    """The platform behind one address. Safe to share between tasks of one loop; close it (``aclose``), or use
    it as an async context manager.

    Every refusal is raised as the ``colonnade.errors`` class that the platform raised.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float = 120.0,
        max_retries: int = 2,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """``base_url`` and ``api_key`` default to COLONNADE_URL and COLONNADE_API_KEY, then to loopback."""
        self.configuration = configure(base_url, api_key, timeout, max_retries)
        self._http = httpx.AsyncClient(**exchange.client_options(self.configuration), transport=transport)
        self._sleep = sleep
        self.models = AsyncModels(self)
        self.keys = AsyncKeys(self)
        self.limits = AsyncLimits(self)
        self.cache = AsyncCache(self)
        self.files = AsyncFiles(self)
        self.batches = AsyncBatches(self)
        self.rollouts = AsyncRollouts(self)
        self.jobs = AsyncJobs(self)
        self.memory = AsyncMemory(self)
        self.subjects = AsyncSubjects(self)
        self.feedback = AsyncFeedback(self)
        self.screening = AsyncScreening(self)
        self.bias = AsyncBias(self)
        self.adaptations = AsyncAdaptations(self)
        self.seals = AsyncSeals(self)
        self.drafts = AsyncDrafts(self)
        self.lineage = AsyncLineage(self)
        self.registry = AsyncRegistry(self)
        self.events = AsyncEvents(self)
        self.webhooks = AsyncWebhooks(self)

    async def generate(self, prompt: str | None = None, **options: Unpack[GenerateOptions]) -> Generation:
        """The whole answer to a prompt, or to ``messages=[{"role": "user", "content": ...}]``."""
        return await self._call(calls.generate(prompt, options))

    def stream(
        self, prompt: str | None = None, **options: Unpack[GenerateOptions]
    ) -> AsyncStream[Chunk, Generation]:
        """The answer as it is made; ``.result`` is the ``Generation`` when it is complete."""
        return AsyncStream(self, calls.stream(prompt, options))

    async def embed(
        self, texts: str | Sequence[str], *, truncate: bool = False, **options: Unpack[TextOptions]
    ) -> Embeddings:
        """A vector for each text. ``truncate`` cuts a text that the model cannot take whole."""
        return await self._call(calls.embed(texts, options, truncate))

    async def score(
        self, texts: str | Sequence[str], *, context: str = "", **options: Unpack[TextOptions]
    ) -> Scores:
        """How likely the model finds each text, token by token, after ``context``."""
        return await self._call(calls.score(texts, context, options))

    async def tokenize(
        self,
        prompt: str | None = None,
        *,
        messages: Sequence[Mapping[str, str]] | None = None,
        add_special_tokens: bool | None = None,
        with_texts: bool = False,
        **options: Unpack[TextOptions],
    ) -> Tokens:
        """The tokens of a text, or of a conversation as the model is shown it."""
        call = calls.tokenize(prompt, messages, add_special_tokens, with_texts, options)
        return await self._call(call)

    async def detokenize(self, tokens: Sequence[int], **options: Unpack[TextOptions]) -> str:
        """The text of tokens, with control tokens by their names."""
        return (await self._call(calls.detokenize(tokens, options))).prompt

    async def engines(self) -> list[Engine]:
        """Those that may answer, how busy they are, and why some get nothing."""
        return await self._call(calls.engines())

    async def usage(self, **asked: Unpack[UsageFilter]) -> UsageReport:
        """Requests and tokens, added up by key, model and day, as far as the caller may see them."""
        return await self._call(usage(asked))

    async def whoami(self) -> Identity:
        """As whom the platform lets this client in, and which routes it may call."""
        return await self._call(calls.whoami())

    async def health(self) -> Health:
        return await self._call(calls.health())

    async def version(self) -> PlatformVersion:
        return await self._call(calls.version())

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _call(self, call: Call[_T]) -> _T:
        response = await self._send(call.request, exchange.new_request_id(), accepted=call.accepted)
        return call.parse(response.status_code, exchange.body_of(response))

    async def _send(
        self,
        request: Request,
        request_id: str,
        *,
        stream: bool = False,
        accepted: frozenset[int] = frozenset(),
    ) -> httpx.Response:
        patience = exchange.Patience(request, self.configuration.max_retries)
        arguments = exchange.arguments(self.configuration, request, request_id)
        if request.pieces is not None:
            arguments["content"] = request.pieces.aio
        outgoing = self._http.build_request(**arguments)
        while True:
            try:
                response = await self._http.send(outgoing, stream=stream)
                if response.is_success or response.status_code in accepted:
                    return response
                async with aclosing(response):
                    await response.aread()
                problem, delay = exchange.refusal(response, request_id), patience.after_refusal(response)
            except httpx.HTTPError as error:
                problem = exchange.failure(error, self.configuration, request_id)
                delay = patience.after_failure()
            if delay is None:
                raise problem
            await self._sleep(delay)
