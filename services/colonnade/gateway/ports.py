"""What the gateway needs of the world, in its own words."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol

from colonnade.gateway.domain.caching import CacheState
from colonnade.gateway.domain.engines import Engine
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.fair_use import Demand, LimitRecord, Rule, Scope, Verdict
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


class Generator(Protocol):
    """The inference service."""

    def stream(self, caller: Caller, spec: GenerationSpec, target: Target) -> AsyncGenerator[Chunk, None]:
        """Chunks until the one with ``finish``; closing the iterator stops the generation at once."""

    async def abort(self, caller: Caller) -> bool:
        """Ends the caller's generation, whose stream still says how it ended; whether there was one."""


class EngineList(Protocol):
    """The inference service, for who wants to see what runs."""

    async def list_engines(self, caller: Caller) -> tuple[Engine, ...]: ...


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
