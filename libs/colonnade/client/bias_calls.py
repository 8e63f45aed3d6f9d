"""Reports of bias: what is sent, and how the answers are read."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from colonnade.client import parsing
from colonnade.client.calls import Call, Request, _given, _path
from colonnade.client.memory_calls import Listing
from colonnade.client.results.bias import BiasReport, LiveBias


@dataclass(frozen=True, slots=True)
class _Reports:
    reports: tuple[BiasReport, ...]
    next_page_token: str = ""


def begin(model: str, version: int | None, sets: Sequence[str] | None, key: str | None) -> Call[BiasReport]:
    """Safe to repeat: the platform knows the key again."""
    asked = None if sets is None else list(sets)
    request = Request(
        "POST", "/bias/reports", _given(model=model, version=version, sets=asked), repeatable=True,
        idempotency_key=key or uuid.uuid4().hex,
    )  # fmt: skip
    return Call(request, parsing.one(BiasReport))


def get(report_id: str) -> Call[BiasReport]:
    return Call(Request("GET", _path("bias", "reports", report_id), repeatable=True), parsing.one(BiasReport))


def reports(model: str | None, limit: int | None) -> Listing[BiasReport]:
    def parse(status: int, body: Any) -> tuple[Sequence[BiasReport], str]:
        page = parsing.one(_Reports)(status, body)
        return page.reports, page.next_page_token

    def page(size: int, token: str) -> Call[tuple[Sequence[BiasReport], str]]:
        query = urlencode({"page_size": size} | _given(page_token=token or None, model=model))
        return Call(Request("GET", f"/bias/reports?{query}", repeatable=True), parse)

    return Listing(page, limit)


def live(hours: int | None) -> Call[LiveBias]:
    query = f"?hours={hours}" if hours is not None else ""
    return Call(Request("GET", f"/bias/live{query}", repeatable=True), parsing.one(LiveBias))
