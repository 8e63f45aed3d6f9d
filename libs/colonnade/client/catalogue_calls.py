"""What is said of models and versions: what is sent, and what comes back."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from colonnade.client import parsing
from colonnade.client.calls import Call, Request, _given, _path
from colonnade.client.results import Model, Version

_PAGE = 100


@dataclass(frozen=True, slots=True)
class Metric:
    key: str
    value: float
    step: int = 0
    at: datetime | None = None
    dataset: str = ""
    """Digest of what it was measured on."""


@dataclass(frozen=True, slots=True)
class FoundVersion(Version):
    """A version with what is said of it; of each metric, searches find the last value."""

    tenant: str = ""
    """Whose its model is."""
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: tuple[Metric, ...] = ()
    """By key, then step."""
    aliases: tuple[str, ...] = ()
    updated_at: datetime | None = None
    revision: int = 0
    """Grows by one with each change of what is said of it."""


@dataclass(frozen=True, slots=True)
class VersionDetail(FoundVersion):
    card: str = ""
    """Markdown, as its author wrote it."""
    signature: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelsFound:
    models: tuple[Model, ...]
    next_page_token: str = ""


@dataclass(frozen=True, slots=True)
class VersionsFound:
    versions: tuple[FoundVersion, ...]
    next_page_token: str = ""


def search(asked: str, order_by: str | None, token: str) -> Call[ModelsFound]:
    query = _query(asked, order_by or "name", token)
    return Call(Request("GET", f"/models?{query}", repeatable=True), parsing.one(ModelsFound))


def search_versions(asked: str, order_by: str | None, token: str) -> Call[VersionsFound]:
    query = _query(asked, order_by, token)
    return Call(Request("GET", f"/versions?{query}", repeatable=True), parsing.one(VersionsFound))


def version(name: str, number: int) -> Call[VersionDetail]:
    return Call(Request("GET", _version(name, number), repeatable=True), parsing.one(VersionDetail))


def card(name: str, number: int) -> Call[str]:
    return Call(Request("GET", f"{_version(name, number)}/card", repeatable=True), parsing.one(str))


def create(name: str, description: str | None, tags: Mapping[str, str] | None) -> Call[Model]:
    """Safe to repeat: the platform knows the key again."""
    body = _given(description=description, tags=dict(tags) if tags else None)
    key = uuid.uuid4().hex
    request = Request("PUT", _path("models", name), body, repeatable=True, idempotency_key=key)
    return Call(request, parsing.one(Model))


def describe(
    name: str, description: str | None, set_tags: Mapping[str, str] | None, remove_tags: Sequence[str]
) -> Call[Model]:
    body = _given(
        description=description,
        set_tags=dict(set_tags) if set_tags else None,
        remove_tags=list(remove_tags) or None,
    )
    return Call(Request("PATCH", _path("models", name), body, repeatable=True), parsing.one(Model))


def describe_version(name: str, number: int, **said: Any) -> Call[VersionDetail]:
    if metrics := said.pop("add_metrics"):
        said["add_metrics"] = [_metric(each) for each in metrics]
    body = _given(**{key: value for key, value in said.items() if value not in ((), [])})
    return Call(Request("PATCH", _version(name, number), body), parsing.one(VersionDetail))


def delete(name: str, why: str | None) -> Call[None]:
    return Call(Request("DELETE", _path("models", name) + _why(why)), parsing.nothing)


def delete_version(name: str, number: int, why: str | None) -> Call[None]:
    return Call(Request("DELETE", _version(name, number) + _why(why)), parsing.nothing)


def rename(name: str, to: str) -> Call[Model]:
    return Call(Request("POST", _path("models", name, "rename"), {"to": to}), parsing.one(Model))


def _version(name: str, number: int) -> str:
    return _path("models", name, "versions", str(number))


def _query(asked: str, order_by: str | None, token: str) -> str:
    return urlencode(
        _given(filter=asked or None, order_by=order_by, page_size=_PAGE, page_token=token or None)
    )


def _why(why: str | None) -> str:
    return f"?{urlencode({'why': why})}" if why else ""


def _metric(metric: Metric) -> dict[str, Any]:
    at = metric.at.isoformat() if metric.at else None
    dataset = metric.dataset or None
    return _given(key=metric.key, value=metric.value, step=metric.step, at=at, dataset=dataset)
