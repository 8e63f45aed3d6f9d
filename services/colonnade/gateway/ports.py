"""What the gateway needs of the world, in its own words."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol

from colonnade.errors import ColonnadeError
from colonnade.gateway.domain.batches import Batch, LineResult
from colonnade.gateway.domain.caching import CacheState
from colonnade.gateway.domain.engines import Engine, Loaded
from colonnade.gateway.domain.exchange import Caller, Exchange
from colonnade.gateway.domain.fair_use import Demand, LimitRecord, Rule, Scope, Verdict
from colonnade.gateway.domain.files import FileRecord, PageQuery
from colonnade.gateway.domain.generation import Chunk, GenerationSpec
from colonnade.gateway.domain.keys import KeyRecord
from colonnade.gateway.domain.models import (
    Alias,
    AliasTarget,
    ImportOrder,
    ImportProgress,
    ModelDetail,
    ModelPage,
    Resolution,
    Target,
)
from colonnade.gateway.domain.rollouts import Policy, Rollout, RolloutOrder, RolloutPage, Seen
from colonnade.gateway.domain.texts import (
    DetokenizeSpec,
    Embedded,
    EmbeddingSpec,
    Scored,
    ScoreSpec,
    Tokenized,
    TokenizeSpec,
)
from colonnade.gateway.domain.usage import Entry, UsageQuery, UsageRow
from colonnade.security.identity import Principal


class ModelCatalog(Protocol):
    """The registry. Raises the ``ColonnadeError`` that it raised; ``Unavailable`` where it is away."""

    async def resolve(
        self, caller: Caller, reference: str, size_label: str, *, embeds: bool = False
    ) -> Resolution:
        """Without reference and size the default: for ``embeds``, a model that is made for embeddings."""

    async def version(self, caller: Caller, digest: str) -> Target:
        """The version of a digest; ``NotFound`` if there is none."""

    async def list_models(self, caller: Caller, page_size: int, page_token: str) -> ModelPage: ...

    async def get(self, caller: Caller, name: str) -> ModelDetail: ...

    def import_model(self, caller: Caller, order: ImportOrder) -> AsyncGenerator[ImportProgress, None]:
        """Progress until the version is there; closing the iterator gives the import up."""

    async def set_alias(
        self, caller: Caller, name: str, alias: str, targets: Sequence[AliasTarget], revision: int | None
    ) -> Alias: ...

    async def delete_alias(self, caller: Caller, name: str, alias: str) -> None: ...


class RolloutBook(Protocol):
    """The registry's rollouts. Raises as ``ModelCatalog`` does."""

    async def start(self, caller: Caller, order: RolloutOrder) -> Rollout: ...

    async def get(self, caller: Caller, rollout_id: str) -> Rollout: ...

    async def page(
        self, caller: Caller, model: str, under_way: bool, page_size: int, page_token: str
    ) -> RolloutPage: ...

    async def change(
        self, caller: Caller, rollout_id: str, act: str, why: str, revision: int | None
    ) -> Rollout: ...

    async def policies(self, caller: Caller) -> Sequence[Policy]: ...


class OutcomeReports(Protocol):
    """Who judges rollouts by what gateways saw."""

    async def report(self, instance: str, seen: Sequence[Seen]) -> None:
        """Of one process, as the service itself: each replaces what was said of its phase before."""


class Generator(Protocol):
    """The inference service."""

    def stream(self, caller: Caller, spec: GenerationSpec, target: Target) -> AsyncGenerator[Chunk, None]:
        """Chunks until the one with ``finish``; closing the iterator stops the generation at once."""

    async def abort(self, caller: Caller) -> bool:
        """Ends the caller's generation, whose stream still says how it ended; whether there was one."""


class Engines(Protocol):
    """The inference service, for who wants to see what runs, and to have something run soon."""

    async def list_engines(self, caller: Caller) -> tuple[Engine, ...]: ...

    async def prepare(self, caller: Caller, target: Target) -> Loaded:
        """Returns when an engine has the version in memory; of an adapter, the version that it belongs to."""
        ...


class AnswerCaches(Protocol):
    """The inference service, for what it keeps of answers."""

    async def purge(self, caller: Caller, digest: str, tenant: str) -> int:
        """Forgets answers; empty is any version, any tenant. How many there were."""

    async def state(self, caller: Caller) -> CacheState: ...


class TextReader(Protocol):
    """The inference service, for what is asked about texts that are given."""

    async def embed(self, caller: Caller, spec: EmbeddingSpec, target: Target) -> Embedded: ...

    async def score(self, caller: Caller, spec: ScoreSpec, target: Target) -> Scored: ...

    async def tokenize(self, caller: Caller, spec: TokenizeSpec, target: Target) -> Tokenized: ...

    async def detokenize(self, caller: Caller, spec: DetokenizeSpec, target: Target) -> str: ...


class KeyStore(Protocol):
    """Keeps key records. What it has returned from is kept."""

    async def find(self, key_id: str) -> KeyRecord | None: ...

    async def find_idempotent(self, tenant: str, idempotency_key: str) -> KeyRecord | None: ...

    async def ever(self) -> bool:
        """Whether a key was ever created, revoked and expired ones included."""

    async def records(self, tenant: str | None) -> Sequence[KeyRecord]:
        """Newest first; of all tenants where ``tenant`` is None."""

    async def add(self, record: KeyRecord, replaced_expires_at: datetime | None = None) -> None:
        """Adds a key; in the same transaction, the key it ``replaces`` expires then.

        ``Conflict`` where the tenant has used the idempotency key before.
        """

    async def revoke(self, key_id: str, at: datetime) -> None: ...

    async def touch(self, used: Mapping[str, datetime]) -> None:
        """Notes when keys were last used."""


class Limiter(Protocol):
    """Counts what scopes take. Each call is atomic."""

    async def take(self, demand: Demand) -> Verdict:
        """Takes a request, its tokens and a place to run, of all rules; of none if one refuses."""

    async def settle(self, demand: Demand, verdict: Verdict, tokens: int) -> None:
        """A request that was let in has ended: frees its place. It took ``tokens`` in the end."""

    async def look(self, rules: Sequence[Rule]) -> Verdict:
        """How scopes stand; takes nothing."""


class LimitStore(Protocol):
    """Keeps the limits of single scopes. What it has returned from is kept."""

    async def find(self, scopes: Sequence[Scope]) -> Mapping[Scope, LimitRecord]:
        """Those that have limits of their own."""

    async def records(self, tenant: str | None) -> Sequence[LimitRecord]:
        """Of all tenants where ``tenant`` is None."""

    async def put(self, record: LimitRecord) -> None: ...

    async def delete(self, scope: Scope) -> None: ...


class UsageLedger(Protocol):
    """What was used. An entry that was recorded outlives the process, and is counted once."""

    def record(self, entry: Entry) -> None: ...

    async def flush(self) -> None:
        """Brings what was recorded to where everyone sees it. Called now and then, and at the end."""

    async def rows(self, query: UsageQuery) -> Sequence[UsageRow]:
        """In the order of ``query.group_by``."""

    async def spent(self, scope: Scope, day: date) -> int:
        """Tokens in the month of ``day``."""


class FileContents(Protocol):
    """The bytes of files, by the files' ids. What it has returned from is kept."""

    async def write(self, file_id: str, chunks: AsyncIterator[bytes], most_bytes: int) -> tuple[int, str]:
        """All of it or nothing, in place of what was there; its size and its SHA-256 in hexadecimal.

        ``TooLarge`` where there are more than ``most_bytes``; what ``chunks`` raises."""

    def read(self, file_id: str) -> AsyncGenerator[bytes, None]:
        """In chunks. ``NotFound`` at the first one where there is no such file."""

    def lines(self, file_id: str, most_bytes: int) -> AsyncGenerator[Sequence[tuple[int, bytes]], None]:
        """Its lines, numbered from 1, many at once; of one that is longer, ``most_bytes`` and one more."""

    async def delete(self, file_id: str) -> None: ...

    async def stale(self, seconds: float) -> Sequence[str]:
        """Files that were written so long ago; removes what writers that died left unfinished."""


class FileStore(Protocol):
    """What is known of files. What it has returned from is kept."""

    async def add(self, record: FileRecord, most_bytes: int) -> None:
        """``TooLarge`` where the tenant would have more than ``most_bytes``; ``Conflict`` where it has used
        the idempotency key before."""

    async def find(self, tenant: str, file_id: str) -> FileRecord | None: ...

    async def find_idempotent(self, tenant: str, idempotency_key: str) -> FileRecord | None: ...

    async def page(self, tenant: str, query: PageQuery) -> Sequence[FileRecord]:
        """One more than the limit, if there is one."""

    async def remove(self, tenant: str, file_id: str) -> bool:
        """Whether there was one. ``Conflict`` while an unfinished batch reads it."""

    async def unknown(self, file_ids: Sequence[str]) -> Sequence[str]:
        """Those that there is no record of."""


class BatchStore(Protocol):
    """Batches, their lines' results, and who works on them. What it has returned from is kept."""

    async def add(self, batch: Batch) -> None:
        """``NotFound`` without the input file; ``Conflict`` where the idempotency key was used before."""

    async def find(self, tenant: str, batch_id: str) -> Batch | None: ...

    async def find_idempotent(self, tenant: str, idempotency_key: str) -> Batch | None: ...

    async def page(self, tenant: str, query: PageQuery) -> Sequence[Batch]:
        """One more than the limit, if there is one."""

    async def change(self, batch_id: str, update: Callable[[Batch], Batch], holder: str = "") -> Batch:
        """What ``update`` makes of the batch, in one transaction; ``LeaseLost`` where ``holder`` is given and
        has no lease."""

    async def claim(self, holder: str, now: datetime, until: datetime) -> Batch | None:
        """A lease on the oldest unfinished batch that nobody has one on."""

    async def renew(self, batch_id: str, holder: str, until: datetime) -> Batch:
        """The batch as it is. ``LeaseLost`` where another holder has it."""

    async def release(self, batch_id: str, holder: str) -> None:
        """Anyone may have it; nothing where another holder has it."""

    async def record(self, batch_id: str, holder: str, result: LineResult) -> Batch:
        """Keeps a line's result and counts it. ``LeaseLost`` where another holder has the batch."""

    async def done(self, batch_id: str) -> frozenset[int]:
        """The numbers of lines that have a result."""

    async def results(self, batch_id: str, after: int, limit: int) -> Sequence[LineResult]:
        """By line number, of lines after ``after``."""

    async def finish(
        self, batch_id: str, holder: str, update: Callable[[Batch], Batch], files: Sequence[FileRecord]
    ) -> Batch:
        """As ``change``; with it the files are there, and the results are in them alone."""


class Answers(Protocol):
    """The protocol that a batch's lines are written in."""

    async def answer(self, exchange: Exchange, endpoint: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The JSON answer, as the endpoint gives it over HTTP."""

    def refusal(self, error: ColonnadeError, request_id: str) -> tuple[int, Mapping[str, Any]]:
        """Status and JSON of what the endpoint answers where it refuses."""


class Audit(Protocol):
    """The record of who did what."""

    async def record(self, action: str, principal: Principal, outcome: str, **facts: Any) -> None:
        """Returns when the record is on the disk; ``Unavailable`` where it cannot be written."""

    def note(self, action: str, principal: Principal, outcome: str, **facts: Any) -> None:
        """Writes the record soon; a store that is away never stops what is recorded so."""


class Probe(Protocol):
    """Looks whether a part of the platform that requests need is there."""

    name: str

    async def check(self) -> str:
        """Empty when ready; else what is wrong, for people."""
