"""The synchronous client."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from types import TracebackType
from typing import Self, TypeVar, Unpack

import httpx

from colonnade.client import calls, exchange
from colonnade.client.adapting import SyncAdaptations
from colonnade.client.batches import SyncBatches, SyncFiles
from colonnade.client.bias import SyncBias
from colonnade.client.cache import SyncCache
from colonnade.client.calls import Call, GenerateOptions, Request, TextOptions
from colonnade.client.configuration import configure
from colonnade.client.drafts import SyncDrafts
from colonnade.client.events import SyncEvents, SyncWebhooks
from colonnade.client.fair_use import SyncLimits, UsageFilter, UsageReport, usage
from colonnade.client.feedback import SyncFeedback
from colonnade.client.jobs import SyncJobs
from colonnade.client.keys import SyncKeys
from colonnade.client.lineage import SyncLineage
from colonnade.client.memory import SyncMemory
from colonnade.client.models import SyncModels
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
from colonnade.client.rollouts import SyncRollouts
from colonnade.client.screening import SyncScreening
from colonnade.client.seals import SyncSeals
from colonnade.client.streams import Stream
from colonnade.client.subjects import SyncSubjects
from colonnade.client.upkeep import SyncRegistry

_T = TypeVar("_T")


class Colonnade:
    """The platform behind one address. Threads may share it; close it, or use it as a context manager.

    Every refusal is raised as the ``colonnade.errors`` class that the platform raised.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float = 120.0,
        max_retries: int = 2,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``base_url`` and ``api_key`` default to COLONNADE_URL and COLONNADE_API_KEY, then to loopback."""
        self.configuration = configure(base_url, api_key, timeout, max_retries)
        self._http = httpx.Client(**exchange.client_options(self.configuration), transport=transport)
        self._sleep = sleep
        self.models = SyncModels(self)
        self.keys = SyncKeys(self)
        self.limits = SyncLimits(self)
        self.cache = SyncCache(self)
        self.files = SyncFiles(self)
        self.batches = SyncBatches(self)
        self.rollouts = SyncRollouts(self)
        self.jobs = SyncJobs(self)
        self.memory = SyncMemory(self)
        self.subjects = SyncSubjects(self)
        self.feedback = SyncFeedback(self)
        self.screening = SyncScreening(self)
        self.bias = SyncBias(self)
        self.adaptations = SyncAdaptations(self)
        self.seals = SyncSeals(self)
        self.drafts = SyncDrafts(self)
        self.lineage = SyncLineage(self)
        self.registry = SyncRegistry(self)
        self.events = SyncEvents(self)
        self.webhooks = SyncWebhooks(self)

    def generate(self, prompt: str | None = None, **options: Unpack[GenerateOptions]) -> Generation:
        """The whole answer to a prompt, or to ``messages=[{"role": "user", "content": ...}]``."""
        return self._call(calls.generate(prompt, options))

    def stream(
        self, prompt: str | None = None, **options: Unpack[GenerateOptions]
    ) -> Stream[Chunk, Generation]:
        """The answer as it is made; ``.result`` is the ``Generation`` when it is complete."""
        return Stream(self, calls.stream(prompt, options))

    def embed(
        self, texts: str | Sequence[str], *, truncate: bool = False, **options: Unpack[TextOptions]
    ) -> Embeddings:
        """A vector for each text. ``truncate`` cuts a text that the model cannot take whole."""
        return self._call(calls.embed(texts, options, truncate))

    def score(
        self, texts: str | Sequence[str], *, context: str = "", **options: Unpack[TextOptions]
    ) -> Scores:
        """How likely the model finds each text, token by token, after ``context``."""
        return self._call(calls.score(texts, context, options))

    def tokenize(
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
        return self._call(call)

    def detokenize(self, tokens: Sequence[int], **options: Unpack[TextOptions]) -> str:
        """The text of tokens, with control tokens by their names."""
        return self._call(calls.detokenize(tokens, options)).prompt

    def engines(self) -> list[Engine]:
        """Those that may answer, how busy they are, and why some get nothing."""
        return self._call(calls.engines())

    def usage(self, **asked: Unpack[UsageFilter]) -> UsageReport:
        """Requests and tokens, added up by key, model and day, as far as the caller may see them."""
        return self._call(usage(asked))

    def whoami(self) -> Identity:
        """As whom the platform lets this client in, and which routes it may call."""
        return self._call(calls.whoami())

    def health(self) -> Health:
        return self._call(calls.health())

    def version(self) -> PlatformVersion:
        return self._call(calls.version())

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, call: Call[_T]) -> _T:
        response = self._send(call.request, exchange.new_request_id(), accepted=call.accepted)
        return call.parse(response.status_code, exchange.body_of(response))

    def _send(
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
                response = self._http.send(outgoing, stream=stream)
                if response.is_success or response.status_code in accepted:
                    return response
                with closing(response):
                    response.read()
                problem, delay = exchange.refusal(response, request_id), patience.after_refusal(response)
            except httpx.HTTPError as error:
                problem = exchange.failure(error, self.configuration, request_id)
                delay = patience.after_failure()
            if delay is None:
                raise problem
            self._sleep(delay)
