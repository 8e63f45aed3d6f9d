"""Limits and usage: what is sent, what comes back, and both clients' ``limits``."""

import builtins
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypedDict, Unpack
from urllib.parse import urlencode

from colonnade.client import parsing
from colonnade.client.calls import Call, Request, _path
from colonnade.errors import InvalidArgument

if TYPE_CHECKING:
    from colonnade.client.aio import AsyncColonnade
    from colonnade.client.sync import Colonnade


class Quota(TypedDict, total=False):
    """0 is no limit; what is left out is as the platform's defaults say."""

    requests_per_minute: int | None
    tokens_per_minute: int | None
    concurrent_requests: int | None
    monthly_tokens: int | None
    max_priority: int | None
    """Of keys alone."""


class Scope(TypedDict, total=False):
    """A ``key``, by its id; a ``tenant``; or a ``tenant`` on one ``model``."""

    key: str | None
    tenant: str | None
    model: str | None


@dataclass(frozen=True, slots=True)
class Limits:
    """A scope's own limits. 0 is no limit; None is as the defaults say."""

    kind: str
    """``key``, ``tenant`` or ``model``."""
    tenant: str
    name: str
    """The key's id or the model's name."""
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_requests: int | None = None
    monthly_tokens: int | None = None
    max_priority: int | None = None
    updated_at: datetime | None = None
    updated_by: str = ""


@dataclass(frozen=True, slots=True)
class Left:
    limit: int
    remaining: int
    reset_seconds: float | None = None
    """Until all of it is there again."""


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is left to the caller in one scope; None is not limited."""

    kind: str
    tenant: str
    name: str
    requests: Left | None = None
    tokens: Left | None = None
    concurrent_requests: Left | None = None
    monthly_tokens: Left | None = None
    max_priority: int | None = None


@dataclass(frozen=True, slots=True)
class UsageSum:
    """What was used; a value that was not grouped by is None."""

    requests: int
    prompt_tokens: int
    cached_prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    """That engines worked on."""
    cached_requests: int = 0
    """Whose answers were not generated for them."""
    cached_completion_tokens: int = 0
    """Of those answers: no engine generated them again."""
    day: date | None = None
    tenant: str | None = None
    key: str | None = None
    model: str | None = None
    adapter: str | None = None


@dataclass(frozen=True, slots=True)
class UsageReport:
    group_by: list[str]
    usage: list[UsageSum]
    total: UsageSum


class UsageFilter(TypedDict, total=False):
    """Days are UTC's, both included: by default this month so far. The others narrow what is added up."""

    first: date | None
    last: date | None
    group_by: Sequence[str]
    """Of ``day``, ``tenant``, ``key``, ``model``, ``adapter``; by default day, key and model."""
    tenant: str | None
    key: str | None
    model: str | None


def usage(asked: UsageFilter) -> Call[UsageReport]:
    given: dict[str, Any] = {
        "from": asked.get("first"),
        "to": asked.get("last"),
        "group_by": ",".join(asked["group_by"]) if "group_by" in asked else None,
    } | {name: asked.get(name) for name in ("tenant", "key", "model")}
    query = urlencode({name: str(value) for name, value in given.items() if value is not None})
    return Call(
        Request("GET", f"/usage?{query}" if query else "/usage", repeatable=True), parsing.one(UsageReport)
    )


def list_limits() -> Call[list[Limits]]:
    return Call(Request("GET", "/limits", repeatable=True), parsing.listed("limits", Limits))


def my_limits(model: str | None) -> Call[list[Remaining]]:
    query = f"?{urlencode({'model': model})}" if model else ""
    return Call(Request("GET", f"/limits/me{query}", repeatable=True), parsing.listed("limits", Remaining))


def get_limits(scope: Scope) -> Call[Limits]:
    return Call(Request("GET", _place(scope), repeatable=True), parsing.one(Limits))


def set_limits(scope: Scope, quota: Quota) -> Call[Limits]:
    body = {name: value for name, value in quota.items() if value is not None}
    return Call(Request("PUT", _place(scope), body), parsing.one(Limits))


def delete_limits(scope: Scope) -> Call[None]:
    return Call(Request("DELETE", _place(scope)), parsing.nothing)


def _place(scope: Scope) -> str:
    key, tenant, model = (scope.get(name) for name in ("key", "tenant", "model"))
    if isinstance(key, str) and tenant is None and model is None:
        return _path("limits", "keys", key)
    if isinstance(tenant, str) and key is None:
        rest = ("models", model) if isinstance(model, str) else ()
        return _path("limits", "tenants", tenant, *rest)
    raise InvalidArgument("name a key, a tenant, or a tenant and a model", field="key")


class SyncLimits:
    """Limits of keys, tenants and models."""

    def __init__(self, client: "Colonnade") -> None:
        self._client = client

    def list(self) -> list[Limits]:
        """Of those that have limits of their own."""
        return self._client._call(list_limits())

    def me(self, *, model: str | None = None) -> builtins.list[Remaining]:
        """What is left to the caller; on ``model`` as well, if one is named."""
        return self._client._call(my_limits(model))

    def get(self, **scope: Unpack[Scope]) -> Limits:
        """``NotFound`` where the defaults hold."""
        return self._client._call(get_limits(scope))

    def set(self, quota: Quota, **scope: Unpack[Scope]) -> Limits:
        """Replaces all of a scope's limits."""
        return self._client._call(set_limits(scope, quota))

    def delete(self, **scope: Unpack[Scope]) -> None:
        """The defaults hold again."""
        self._client._call(delete_limits(scope))


class AsyncLimits:
    """Limits of keys, tenants and models."""

    def __init__(self, client: "AsyncColonnade") -> None:
        self._client = client

    async def list(self) -> list[Limits]:
        """Of those that have limits of their own."""
        return await self._client._call(list_limits())

    async def me(self, *, model: str | None = None) -> builtins.list[Remaining]:
        """What is left to the caller; on ``model`` as well, if one is named."""
        return await self._client._call(my_limits(model))

    async def get(self, **scope: Unpack[Scope]) -> Limits:
        """``NotFound`` where the defaults hold."""
        return await self._client._call(get_limits(scope))

    async def set(self, quota: Quota, **scope: Unpack[Scope]) -> Limits:
        """Replaces all of a scope's limits."""
        return await self._client._call(set_limits(scope, quota))

    async def delete(self, **scope: Unpack[Scope]) -> None:
        """The defaults hold again."""
        await self._client._call(delete_limits(scope))
