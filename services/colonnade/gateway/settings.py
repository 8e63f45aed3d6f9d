"""The gateway's settings: the only reader of its environment."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from colonnade.errors import ColonnadeError
from colonnade.gateway.domain.fair_use import MAX_PRIORITY, Kind, Quota
from colonnade.gateway.domain.limits import Limits
from colonnade.gateway.domain.stand_ins import fallbacks_of, shadows_of
from colonnade.gateway.http.options import HttpOptions
from colonnade.gateway.service.batches.bounds import Bounds
from colonnade.gateway.service.guard import GuardBounds
from colonnade.gateway.service.recall import RecallBounds
from colonnade.rpc import ProcessSettings
from colonnade.security.keys import parse
from colonnade.security.network import is_local_address
from colonnade.storage.sql import CONNECTIONS, sqlite_url
from colonnade.supervise.defaults import GATEWAY_PORT

_HTTP = HttpOptions()
_BOUNDS = Bounds()
_RECALL = RecallBounds()
_GUARD = GuardBounds()


class GatewaySettings(ProcessSettings):
    """Prefix ``COLONNADE_GATEWAY_``."""

    model_config = SettingsConfigDict(
        env_prefix="COLONNADE_GATEWAY_", frozen=True, extra="ignore", hide_input_in_errors=True
    )
    service: ClassVar[str] = "gateway"

    listen: str = f"127.0.0.1:{GATEWAY_PORT}"
    services_listen: str = ""
    """Where other services reach it over gRPC; empty: a socket below home."""
    bootstrap_key: SecretStr = SecretStr("")
    """A whole key that counts as an admin key: for clusters, and to get in again."""
    database_url: str = Field(default="", repr=False)
    """``postgresql://user:password@host/name``; empty means SQLite below home."""
    database_connections: int = Field(default=CONNECTIONS, ge=2, le=1000)
    """To a server, at most."""
    allowed_hosts: str = ""
    """Names that may stand in ``Host``, by commas; empty: loopback names on a loopback address, else any."""
    allowed_origins: str = ""
    """Origins of web pages that may call, comma-separated."""
    prompt_bytes: int = Field(default=Limits().prompt_bytes, ge=1)
    """Of the prompt, or of all messages together."""
    body_bytes: int = Field(default=_HTTP.max_body_bytes, ge=1024)
    body_seconds: float = Field(default=_HTTP.body_seconds, gt=0)
    """For a whole body to arrive."""
    head_seconds: float = Field(default=_HTTP.head_seconds, gt=0)
    """For the request line and all headers to arrive."""
    untaken_seconds: float = Field(default=_HTTP.untaken_seconds, gt=0, le=86400)
    """For a client to take something of what is sent to it; then its connection ends."""
    max_requests: int = Field(default=_HTTP.max_requests, ge=1)
    """Requests at once; more are refused with 429."""
    max_connections: int = Field(default=_HTTP.max_connections, ge=1)
    request_seconds: float = Field(default=_HTTP.request_seconds, gt=0)
    """The deadline of a request, passed on to every service behind it."""
    resolution_seconds: float = Field(default=1.0, ge=0, le=60)
    """How long what a name stands for counts without asking the registry again: so long may an alias that
    was moved through another gateway stand for its former version here."""
    import_seconds: float = Field(default=_HTTP.import_seconds, gt=0)
    """The same for an import."""
    fallbacks: str = ""
    """``model=other,...``: who answers where no engine can answer with the model."""
    shadows: str = ""
    """``model=other:percent,...``: who gets a copy of that many of the model's requests."""
    key_requests_per_minute: int = Field(default=0, ge=0)
    """Of every key that has no limit of its own; 0: no limit. The same holds for those below."""
    key_tokens_per_minute: int = Field(default=0, ge=0)
    key_concurrent_requests: int = Field(default=0, ge=0)
    key_monthly_tokens: int = Field(default=0, ge=0)
    key_max_priority: int = Field(default=0, ge=-MAX_PRIORITY, le=MAX_PRIORITY)
    tenant_requests_per_minute: int = Field(default=0, ge=0)
    """Of all keys of a tenant together."""
    tenant_tokens_per_minute: int = Field(default=0, ge=0)
    tenant_concurrent_requests: int = Field(default=0, ge=0)
    tenant_monthly_tokens: int = Field(default=0, ge=0)
    model_requests_per_minute: int = Field(default=0, ge=0)
    """Of a tenant on each model."""
    model_tokens_per_minute: int = Field(default=0, ge=0)
    model_concurrent_requests: int = Field(default=0, ge=0)
    model_monthly_tokens: int = Field(default=0, ge=0)
    files_dir: str = ""
    """The folder of uploaded files and of what batches leave; empty: below home."""
    file_bytes: int = Field(default=_BOUNDS.file_bytes, ge=1)
    """Of one upload."""
    tenant_file_bytes: int = Field(default=_BOUNDS.tenant_bytes, ge=1)
    """Of all files of a tenant."""
    upload_seconds: float = Field(default=_HTTP.upload_seconds, gt=0)
    """For a whole upload to arrive."""
    batch_lines: int = Field(default=_BOUNDS.lines, ge=1)
    """Of one batch."""
    batches_at_once: int = Field(default=_BOUNDS.batches_at_once, ge=1)
    """That one gateway works on."""
    batch_lines_at_once: int = Field(default=_BOUNDS.lines_at_once, ge=1)
    """Of each of them."""
    batch_lease_seconds: float = Field(default=_BOUNDS.lease_seconds, gt=0)
    """After which another gateway takes over the batches of one that is gone."""
    batch_renew_seconds: float = Field(default=_BOUNDS.renew_seconds, gt=0)
    """How often a lease is renewed, and how often a gateway looks for batches of others."""
    redis_url: SecretStr = SecretStr("")
    """Where gateways count together; empty: each counts for itself."""
    redis_local_share: float = Field(default=0.25, gt=0, le=1)
    """Of each limit, what one gateway allows while Redis is away."""

    recall_seconds: float = Field(default=_RECALL.seconds, gt=0, le=60)
    """For memory to answer: an answer does not wait longer for what it recalls, or keeps."""
    recall_characters: int = Field(default=_RECALL.characters, ge=1000, le=1_000_000)
    """Of what a prompt quotes from memory and documents."""
    recall_turn_characters: int = Field(default=_RECALL.turn_characters, ge=0, le=1_000_000)
    """Of a session's turns in a prompt."""
    guard: Literal["required", "open", "off"] = "required"
    """What becomes of requests while the ethics service is away: they are refused, or go on without screening
    and say so. ``off``: nothing is screened at all."""
    guard_seconds: float = Field(default=_GUARD.seconds, gt=0, le=600)
    """For one verdict of the ethics service; then it counts as away."""
    guard_retries: int = Field(default=_GUARD.retries, ge=0, le=5)
    """How often an answer that a policy throws away is asked for again."""
    document_bytes: int = Field(default=_HTTP.max_document_bytes, ge=1)
    """Of one document, on its way to the memory service, which has a limit of its own."""

    @field_validator("fallbacks")
    @classmethod
    def _readable_fallbacks(cls, text: str) -> str:
        fallbacks_of(text)
        return text

    @field_validator("shadows")
    @classmethod
    def _readable_shadows(cls, text: str) -> str:
        shadows_of(text)
        return text

    @field_validator("bootstrap_key")
    @classmethod
    def _whole_key(cls, key: SecretStr) -> SecretStr:
        if key.get_secret_value():
            try:
                parse(key.get_secret_value())
            except ColonnadeError as error:
                raise ValueError(error.message) from None
        return key

    @model_validator(mode="after")
    def _renewed_in_time(self) -> Self:
        if self.batch_renew_seconds >= self.batch_lease_seconds:
            raise ValueError("batch_renew_seconds must be less than batch_lease_seconds")
        return self

    @property
    def database(self) -> str:
        return self.database_url or sqlite_url(self.data / "gateway.db")

    @property
    def services_address(self) -> str:
        return self.services_listen or self.socket(self.service)

    @property
    def limits(self) -> Limits:
        return Limits(prompt_bytes=self.prompt_bytes)

    @property
    def files(self) -> Path:
        return Path(self.files_dir).expanduser() if self.files_dir else self.data / "files"

    @property
    def recall(self) -> RecallBounds:
        return RecallBounds(self.recall_seconds, self.recall_characters, self.recall_turn_characters)

    @property
    def guarding(self) -> GuardBounds | None:
        """None where nothing is screened."""
        if self.guard == "off":
            return None
        return GuardBounds(self.guard == "required", self.guard_seconds, self.guard_retries)

    @property
    def bounds(self) -> Bounds:
        return Bounds(
            file_bytes=self.file_bytes,
            tenant_bytes=self.tenant_file_bytes,
            lines=self.batch_lines,
            line_bytes=self.body_bytes,
            batches_at_once=self.batches_at_once,
            lines_at_once=self.batch_lines_at_once,
            request_seconds=self.request_seconds,
            lease_seconds=self.batch_lease_seconds,
            renew_seconds=self.batch_renew_seconds,
        )

    @property
    def quotas(self) -> Mapping[Kind, Quota]:
        """The limits of what has none of its own."""
        return {kind: self._quota(kind) for kind in Kind}

    def _quota(self, kind: Kind) -> Quota:
        def of(name: str) -> int:
            return int(getattr(self, f"{kind}_{name}"))

        return Quota(
            of("requests_per_minute"),
            of("tokens_per_minute"),
            of("concurrent_requests"),
            of("monthly_tokens"),
            self.key_max_priority if kind is Kind.KEY else None,
        )

    @property
    def http(self) -> HttpOptions:
        return HttpOptions(
            max_body_bytes=self.body_bytes,
            body_seconds=self.body_seconds,
            max_file_bytes=self.file_bytes,
            max_document_bytes=self.document_bytes,
            upload_seconds=self.upload_seconds,
            head_seconds=self.head_seconds,
            untaken_seconds=self.untaken_seconds,
            max_requests=self.max_requests,
            max_connections=self.max_connections,
            request_seconds=self.request_seconds,
            import_seconds=self.import_seconds,
            allowed_hosts=_listed(self.allowed_hosts),
            allowed_origins=_listed(self.allowed_origins),
            loopback=is_local_address(self.listen),
        )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
