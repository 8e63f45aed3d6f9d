"""The asynchronous client: the same calls as the synchronous one, awaited."""

import asyncio
import builtins
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Generic, Self, TypeVar, Unpack

import httpx

from colonnade.client import calls, exchange, lineage_calls
from colonnade.client.batches import AsyncBatches, AsyncFiles
from colonnade.client.cache import AsyncCache
from colonnade.client.calls import Call, GenerateOptions, Request, StreamCall, TextOptions
from colonnade.client.catalogue import AsyncCatalogue
from colonnade.client.configuration import configure
from colonnade.client.drafts import AsyncDrafts
from colonnade.client.events import AsyncEvents, AsyncWebhooks
from colonnade.client.fair_use import AsyncLimits, UsageFilter, UsageReport, usage
from colonnade.client.keys import AsyncKeys
from colonnade.client.lineage import AsyncLineage, all_evaluations_async
from colonnade.client.lineage_calls import Evaluation
from colonnade.client.results import (
    Alias,
    AliasTarget,
    Chunk,
    Embeddings,
    Engine,
    Generation,
    Health,
    ImportProgress,
    Model,
    PlatformVersion,
    Prepared,
    Scores,
    Tokens,
    Version,
)
from colonnade.client.rollouts import AsyncRollouts
from colonnade.client.seals import AsyncSeals
from colonnade.client.sse import EventParser
from colonnade.client.upkeep import AsyncRegistry

_T = TypeVar("_T")
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class AsyncStream(Generic[_Item, _Result]):
    """Items as they come, then ``result``. Opens at its first use; leaving it early cancels the work behind.

    Use ``async with`` where the iteration may be left early: the end of the block is the moment to cancel.
    """

    def __init__(self, client: "AsyncColonnade", call: StreamCall[_Item, _Result]) -> None:
        self._client = client
        self._call = call
        self._reader = call.reader()
        self._response: httpx.Response | None = None
        self._result: _Result | None = None
        self._closed = False
        self.request_id = exchange.new_request_id()

    @property
    def result(self) -> _Result:
        """What the whole stream came to; there is one once the last item was read."""
        if self._result is None:
            raise exchange.unfinished()
        return self._result

    async def wait(self) -> _Result:
        """Runs to the end and returns the result."""
        async for _ in self:
            pass
        return self.result

    async def aclose(self) -> None:
        """Cancels what has not come yet. Safe to call twice."""
        self._closed = True
        if self._response is not None:
            await self._response.aclose()

    def __aiter__(self) -> AsyncGenerator[_Item]:
        return self._read()

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _open(self) -> httpx.Response:
        if self._response is None:
            self._response = await self._client._send(self._call.request, self.request_id, stream=True)
        return self._response

    async def _read(self) -> AsyncGenerator[_Item]:
        parser = EventParser()
        if self._closed:
            return
        try:
            response = await self._open()
            exchange.check_events(response)
            async for data in response.aiter_bytes():
                for event in parser.feed(data):
                    if (item := self._reader.read(event)) is not None:
                        yield item
            self._result = self._reader.result()
        except (httpx.HTTPError, httpx.StreamError) as error:
            if not self._closed:
                raise exchange.failure(error, self._client.configuration, self.request_id) from None
        finally:
            await self.aclose()


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
        outgoing = self._http.build_request(**exchange.arguments(self.configuration, request, request_id))
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


class AsyncModels(AsyncCatalogue):
    """The registry's models, versions and aliases."""

    def __init__(self, client: AsyncColonnade) -> None:
        self._client = client

    async def list(self) -> list[Model]:
        models: builtins.list[Model] = []
        page = await self._client._call(calls.list_models(""))
        models += page.models
        while page.next_page_token:
            page = await self._client._call(calls.list_models(page.next_page_token))
            models += page.models
        return models

    async def get(self, name: str) -> Model:
        """With all versions, newest first."""
        return await self._client._call(calls.get_model(name))

    def import_(
        self,
        source: str,
        *,
        name: str | None = None,
        alias: str | None = None,
        description: str | None = None,
        base: str | None = None,
    ) -> AsyncStream[ImportProgress, Version]:
        """Converts a source into a new version; iterate for progress.

        ``source`` is ``bundled:<name>``, or a folder or ``.gguf`` file on the platform's machine;
        ``alias`` is moved to the version once it is there. A folder with a LoRA adapter that PEFT saved needs
        its ``base``: the model version that it was made for, as in ``"smollm2:1"``.
        """
        return AsyncStream(self._client, calls.import_model(source, name, alias, description, base))

    def prepare(self, reference: str) -> AsyncStream[Prepared, builtins.list[Prepared]]:
        """Has an engine load what ``name``, ``name@alias`` or ``name:version`` means, ahead of its requests;
        iterate, or ``wait``, for the versions that are ready."""
        return AsyncStream(self._client, calls.prepare_model(reference))

    async def set_alias(
        self,
        name: str,
        alias: str,
        targets: int | Sequence[AliasTarget],
        *,
        expected_revision: int | None = None,
    ) -> Alias:
        """Moves an alias to one version, or to several by weight.

        ``expected_revision`` raises ``Conflict`` where someone else moved it first; 0: it must not exist yet.
        """
        return await self._client._call(calls.set_alias(name, alias, targets, expected_revision))

    async def delete_alias(self, name: str, alias: str) -> None:
        await self._client._call(calls.delete_alias(name, alias))

    async def evaluations(self, name: str, version: int) -> builtins.list[Evaluation]:
        """What was measured of a version, newest first."""
        return await all_evaluations_async(self._client, name, version)

    async def record_evaluation(
        self,
        name: str,
        version: int,
        suite: str,
        results: Mapping[str, float],
        *,
        suite_digest: str | None = None,
        outcome: str | None = None,
        origin: str | None = None,
    ) -> Evaluation:
        """Keeps what was measured of a version: figures by name. ``outcome`` is ``passed`` or ``failed``
        where something was at stake, ``origin`` the run that it was made for."""
        call = lineage_calls.record_evaluation(name, version, suite, results, suite_digest, outcome, origin)
        return await self._client._call(call)
