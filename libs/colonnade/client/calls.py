"""Every operation of the platform's HTTP interface as a value: what to send, and how to read the answer.

Pure functions, shared by the sync and the async client.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Generic, TypedDict, TypeVar
from urllib.parse import quote, urlencode

from colonnade.client import parsing
from colonnade.client.contents import Content
from colonnade.client.readers import GenerationReader, ImportReader, PrepareReader, Reader
from colonnade.client.results import (
    Alias,
    AliasTarget,
    Chunk,
    Detokenized,
    Embeddings,
    Engine,
    Generation,
    Health,
    Identity,
    ImportProgress,
    Key,
    Model,
    NewKey,
    Page,
    PlatformVersion,
    Prepared,
    Scores,
    Tokens,
    Version,
)
from colonnade.errors import InvalidArgument

OCTETS = "application/octet-stream"
"""Accepted where the answer is not JSON but bytes."""
_T = TypeVar("_T")
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class GenerateOptions(TypedDict, total=False):
    """What may accompany a prompt. What is left out has the platform's default."""

    messages: Sequence[Mapping[str, str]] | None
    model: str | None
    model_size: str | None
    adapter: str | None
    """A LoRA adapter: ``name``, ``name@alias`` or ``name:version``; without ``model``, of its own model."""
    max_tokens: int | None
    temperature: float | None
    top_k: int | None
    top_p: float | None
    min_p: float | None
    repetition_penalty: float | None
    frequency_penalty: float | None
    presence_penalty: float | None
    logit_bias: Mapping[int, float] | None
    """By the ids of tokens."""
    preset: str | None
    stop: str | Sequence[str] | None
    seed: int | None
    logprobs: int | None
    n: int | None
    """Answers to draw."""
    structure: Mapping[str, Any] | None
    """The form of the answer: one of ``json_schema``, ``regex``, ``grammar``, ``json_object``."""
    user: str | None
    priority: int | None
    """-10 to 10; higher goes first, as far as the key may."""
    cache_control: str | None
    """``no-cache``: generated now, whatever is kept; ``no-store``: and not kept either."""
    memory: Mapping[str, Any] | None
    """``{"session": ..., "recall": True, "remember": True}``: what is remembered, in the prompt, and what is
    to be."""


class TextOptions(TypedDict, total=False):
    """What may accompany texts that are to be embedded or scored."""

    model: str | None
    model_size: str | None
    adapter: str | None
    user: str | None


@dataclass(frozen=True, slots=True)
class Form:
    """A file, as a form has it."""

    purpose: str
    filename: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. Only what ``repeatable`` says is sent again after a broken connection."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    accept: str = "application/json"
    repeatable: bool = False
    idempotency_key: str | None = None
    cache_control: str | None = None
    form: Form | None = None
    """Instead of a body."""
    raw: bytes | None = field(default=None, repr=False)
    """The same, as it is; its type is among ``headers``."""
    pieces: Content | None = field(default=None, repr=False)
    """The same, read as it is sent."""
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Call(Generic[_T]):
    request: Request
    parse: parsing.Parser[_T]
    accepted: frozenset[int] = frozenset()
    """Statuses besides 2xx that are an answer, not an error."""


@dataclass(frozen=True, slots=True)
class StreamCall(Generic[_Item, _Result]):
    request: Request
    reader: type[Reader[_Item, _Result]]


def generate(prompt: str | None, options: GenerateOptions) -> Call[Generation]:
    return Call(_asked(prompt, options, stream=False), parsing.one(Generation))


def stream(prompt: str | None, options: GenerateOptions) -> StreamCall[Chunk, Generation]:
    return StreamCall(_asked(prompt, options, stream=True), GenerationReader)


def embed(texts: str | Sequence[str], options: TextOptions, truncate: bool) -> Call[Embeddings]:
    body = _given(input=_texts(texts), truncate=truncate or None, **options)
    return Call(Request("POST", "/embed", body, repeatable=True), parsing.one(Embeddings))


def score(texts: str | Sequence[str], context: str, options: TextOptions) -> Call[Scores]:
    body = _given(text=_texts(texts), context=context or None, **options)
    return Call(Request("POST", "/score", body, repeatable=True), parsing.one(Scores))


def tokenize(
    prompt: str | None,
    messages: Sequence[Mapping[str, str]] | None,
    add_special_tokens: bool | None,
    with_texts: bool,
    options: TextOptions,
) -> Call[Tokens]:
    body = _given(
        prompt=prompt,
        messages=None if messages is None else [dict(each) for each in messages],
        add_special_tokens=add_special_tokens,
        return_token_strs=with_texts or None,
        **options,
    )
    return Call(Request("POST", "/tokenize", body, repeatable=True), parsing.one(Tokens))


def detokenize(tokens: Sequence[int], options: TextOptions) -> Call[Detokenized]:
    body = _given(tokens=list(tokens), **options)
    return Call(Request("POST", "/detokenize", body, repeatable=True), parsing.one(Detokenized))


def list_models(page_token: str) -> Call[Page]:
    query = f"?{urlencode({'page_token': page_token})}" if page_token else ""
    return Call(Request("GET", f"/models{query}", repeatable=True), parsing.one(Page))


def get_model(name: str) -> Call[Model]:
    return Call(Request("GET", _path("models", name), repeatable=True), parsing.one(Model))


def import_model(
    source: str, name: str | None, alias: str | None, description: str | None, base: str | None = None
) -> StreamCall[ImportProgress, Version]:
    body = _given(source=source, name=name, alias=alias, description=description, base=base)
    request = Request("POST", "/models/import", body, "text/event-stream", idempotency_key=uuid.uuid4().hex)
    return StreamCall(request, ImportReader)


def prepare_model(reference: str) -> StreamCall[Prepared, list[Prepared]]:
    request = Request(
        "POST", _path("models", reference, "prepare"), accept="text/event-stream", repeatable=True
    )
    return StreamCall(request, PrepareReader)


def set_alias(
    name: str, alias: str, targets: int | Sequence[AliasTarget], expected_revision: int | None
) -> Call[Alias]:
    moved = [AliasTarget(targets)] if isinstance(targets, int) else targets
    body = _given(targets=[asdict(target) for target in moved], expected_revision=expected_revision)
    return Call(Request("PUT", _path("models", name, "aliases", alias), body), parsing.one(Alias))


def delete_alias(name: str, alias: str) -> Call[None]:
    return Call(Request("DELETE", _path("models", name, "aliases", alias)), parsing.nothing)


def create_key(
    name: str,
    roles: Sequence[str],
    tenant: str | None,
    subject: str | None,
    expires_at: datetime | None,
) -> Call[NewKey]:
    body = _given(
        name=name,
        roles=list(roles),
        tenant=tenant,
        subject=subject,
        expires_at=expires_at.isoformat() if expires_at else None,
    )
    return Call(Request("POST", "/keys", body, idempotency_key=uuid.uuid4().hex), parsing.one(NewKey))


def engines() -> Call[list[Engine]]:
    return Call(Request("GET", "/engines", repeatable=True), parsing.listed("engines", Engine))


def whoami() -> Call[Identity]:
    return Call(Request("GET", "/whoami", repeatable=True), parsing.one(Identity))


def list_keys() -> Call[list[Key]]:
    return Call(Request("GET", "/keys", repeatable=True), parsing.listed("keys", Key))


def revoke_key(key_id: str) -> Call[None]:
    return Call(Request("DELETE", _path("keys", key_id)), parsing.nothing)


def rotate_key(key_id: str, grace_seconds: int) -> Call[NewKey]:
    path, body = _path("keys", key_id, "rotate"), {"grace_seconds": grace_seconds}
    return Call(Request("POST", path, body, idempotency_key=uuid.uuid4().hex), parsing.one(NewKey))


def health() -> Call[Health]:
    """Not repeatable: it asks how things are now."""
    return Call(Request("GET", "/health/ready"), parsing.health, frozenset({503}))


def version() -> Call[PlatformVersion]:
    return Call(Request("GET", "/version", repeatable=True), parsing.version)


def _asked(prompt: str | None, options: GenerateOptions, *, stream: bool) -> Request:
    accept = "text/event-stream" if stream else "application/json"
    body = _generation(prompt, options, stream=stream)
    return Request("POST", "/generate", body, accept, cache_control=body.pop("cache_control", None))


def _generation(prompt: str | None, options: GenerateOptions, *, stream: bool) -> dict[str, Any]:
    stop = options.get("stop")
    body = _given(prompt=prompt, **options)
    if isinstance(stop, str):
        body["stop"] = [stop]
    if isinstance(bias := options.get("logit_bias"), Mapping):
        body["logit_bias"] = {str(token): value for token, value in bias.items()}
    if isinstance(messages := options.get("messages"), Sequence):
        body["messages"] = [dict(each) if isinstance(each, Mapping) else each for each in messages]
    return body | {"stream": stream}


def _texts(texts: str | Sequence[str]) -> list[str]:
    return [texts] if isinstance(texts, str) else list(texts)


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _path(*parts: str) -> str:
    """Of what stands between slashes, whatever is in it; ``InvalidArgument`` for what cannot stand there."""
    return "".join(f"/{_segment(part)}" for part in parts)


def _segment(text: str) -> str:
    if not text or "/" in text:
        raise InvalidArgument("a name or id must not be empty and must not have a '/'", field="name")
    try:
        quoted = quote(text, safe="")
    except UnicodeEncodeError:
        raise InvalidArgument("a name or id must be valid Unicode", field="name") from None
    # A name of dots alone would be folded away by URL normalisation.
    return quoted if text.strip(".") else quoted.replace(".", "%2E")
