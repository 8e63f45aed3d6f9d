"""Screening: what is sent, and how the answers are read."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict
from urllib.parse import urlencode

from colonnade.client import parsing
from colonnade.client.calls import Call, Request, _given, _path
from colonnade.client.memory_calls import Listing
from colonnade.client.results.screening import (
    Assignment,
    DecisionCount,
    DryRun,
    KeptDecision,
    PolicyText,
    PolicyTrials,
    PutPolicy,
    ScreeningPolicy,
)

_ROOT = "/screening"


class DecisionFilter(TypedDict, total=False):
    """Which decisions; what is left out is not asked for."""

    rule: str | None
    action: str | None
    """``allow``, ``mask``, ``regenerate`` or ``refuse``."""
    route: str | None
    request_id: str | None
    since: datetime | None
    shadow: bool
    """Those of shadows, instead of those that held."""


class NewAssignment(TypedDict, total=False):
    """What may accompany a route and the name of a policy."""

    version: str | None
    """By default the latest."""
    share: int | None
    """Percent of the requests, by default all; less makes it a candidate, 0 ends it."""
    shadow: bool | None
    why: str | None
    expected_revision: int | None


@dataclass(frozen=True, slots=True)
class _Decisions:
    decisions: tuple[KeptDecision, ...]
    next_page_token: str = ""


def policies() -> Call[list[ScreeningPolicy]]:
    request = Request("GET", f"{_ROOT}/policies", repeatable=True)
    return Call(request, parsing.listed("policies", ScreeningPolicy))


def policy(name: str, version: str | None) -> Call[PolicyText]:
    query = f"?{urlencode({'version': version})}" if version else ""
    path = _path("screening", "policies", name)
    return Call(Request("GET", f"{path}{query}", repeatable=True), parsing.one(PolicyText))


def put(name: str, yaml: str) -> Call[PutPolicy]:
    request = Request("PUT", _path("screening", "policies", name), {"yaml": yaml}, repeatable=True)
    return Call(request, parsing.one(PutPolicy))


def test(yaml: str) -> Call[PolicyTrials]:
    request = Request("POST", f"{_ROOT}/policies/test", {"yaml": yaml}, repeatable=True)
    return Call(request, parsing.one(PolicyTrials))


def dry_run(yaml: str, limit: int | None) -> Call[DryRun]:
    body = _given(yaml=yaml, limit=limit)
    return Call(Request("POST", f"{_ROOT}/dry-runs", body, repeatable=True), parsing.one(DryRun))


def assignments() -> Call[list[Assignment]]:
    request = Request("GET", f"{_ROOT}/assignments", repeatable=True)
    return Call(request, parsing.listed("assignments", Assignment))


def assign(route: str, name: str, options: NewAssignment, key: str | None) -> Call[Assignment]:
    """Safe to repeat: the platform knows the key again."""
    once, body = key or uuid.uuid4().hex, _given(route=route, name=name, **options)
    request = Request("POST", f"{_ROOT}/assignments", body, repeatable=True, idempotency_key=once)
    return Call(request, parsing.one(Assignment))


def take_back(route: str, why: str | None, expected_revision: int | None) -> Call[Assignment]:
    body = _given(route=route, why=why, expected_revision=expected_revision)
    return Call(Request("POST", f"{_ROOT}/assignments/take-back", body), parsing.one(Assignment))


def decisions(wanted: DecisionFilter, limit: int | None) -> Listing[KeptDecision]:
    def page(size: int, token: str) -> Call[tuple[Sequence[KeptDecision], str]]:
        query = {"page_size": size} | _given(page_token=token or None) | _asked(wanted)
        request = Request("GET", f"{_ROOT}/decisions?{urlencode(query)}", repeatable=True)
        return Call(request, _page)

    return Listing(page, limit)


def summary(by: str, wanted: DecisionFilter) -> Call[list[DecisionCount]]:
    query = urlencode({"by": by} | _asked(wanted))
    request = Request("GET", f"{_ROOT}/decisions/summary?{query}", repeatable=True)
    return Call(request, parsing.listed("counts", DecisionCount))


def _asked(wanted: DecisionFilter) -> dict[str, Any]:
    asked = _given(**wanted)
    if since := wanted.get("since"):
        asked["since"] = since.astimezone().isoformat()
    if "shadow" in asked:
        asked["shadow"] = str(bool(asked["shadow"])).lower()
    return asked


def _page(status: int, told: Any) -> tuple[Sequence[KeptDecision], str]:
    page = parsing.one(_Decisions)(status, told)
    return page.decisions, page.next_page_token
