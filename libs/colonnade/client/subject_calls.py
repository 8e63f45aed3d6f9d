"""Erasures: what is sent, and how the answers are read."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from colonnade.client import parsing
from colonnade.client.calls import Call, Request, _given, _path
from colonnade.client.results.erasures import Erasure


@dataclass(frozen=True, slots=True)
class _Erasures:
    erasures: tuple[Erasure, ...]
    next_page_token: str = ""


@dataclass(frozen=True, slots=True)
class _Key:
    public_key: str


def erase(subject: str, why: str | None, tenant: str | None, key: str | None) -> Call[Erasure]:
    """Safe to repeat: the platform knows the key again."""
    request = Request(
        "DELETE", f"/subjects/{quote(subject, safe='')}", _given(why=why, tenant=tenant), repeatable=True,
        idempotency_key=key or uuid.uuid4().hex,
    )  # fmt: skip
    return Call(request, parsing.one(Erasure))


def get(erasure_id: str) -> Call[Erasure]:
    return Call(Request("GET", _path("erasures", erasure_id), repeatable=True), parsing.one(Erasure))


def erasures(limit: int, token: str) -> Call[tuple[Sequence[Erasure], str]]:
    query = urlencode({"page_size": limit, "page_token": token})

    def parse(status: int, body: Any) -> tuple[Sequence[Erasure], str]:
        page = parsing.one(_Erasures)(status, body)
        return page.erasures, page.next_page_token

    return Call(Request("GET", f"/erasures?{query}", repeatable=True), parse)


def receipt_key() -> Call[str]:
    def parse(status: int, body: Any) -> str:
        return parsing.one(_Key)(status, body).public_key

    return Call(Request("GET", "/erasures/key", repeatable=True), parse)
