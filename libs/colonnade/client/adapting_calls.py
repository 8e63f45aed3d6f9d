"""Adaptations: what is sent, and how the answers are read."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict
from urllib.parse import urlencode

from colonnade.client import parsing
from colonnade.client.calls import Call, Request, _given, _path
from colonnade.client.memory_calls import Listing
from colonnade.client.results.adapting import Adaptation, AdaptationPair


class AdaptationOptions(TypedDict, total=False):
    """What is left out is the platform's to choose; see docs/adaptation.md."""

    version: int
    sources: Sequence[str]
    prompts: Sequence[str]
    answers: int
    reward_model: str
    steps: int
    policy: str
    route: str


@dataclass(frozen=True, slots=True)
class _Adaptations:
    adaptations: tuple[Adaptation, ...]
    next_page_token: str = ""


@dataclass(frozen=True, slots=True)
class _Pairs:
    pairs: tuple[AdaptationPair, ...]
    next_page_token: str = ""


def begin(model: str, options: AdaptationOptions, key: str | None) -> Call[Adaptation]:
    """Safe to repeat: the platform knows the key again."""
    lists = {"sources", "prompts"}
    asked = {name: list(given) if name in lists else given for name, given in options.items()}  # type: ignore[call-overload]
    request = Request(
        "POST", "/adaptations", {"model": model} | asked, repeatable=True,
        idempotency_key=key or uuid.uuid4().hex,
    )  # fmt: skip
    return Call(request, parsing.one(Adaptation))


def get(adaptation_id: str) -> Call[Adaptation]:
    return Call(Request("GET", _path("adaptations", adaptation_id), repeatable=True), parsing.one(Adaptation))


def cancel(adaptation_id: str) -> Call[Adaptation]:
    """Safe to repeat."""
    request = Request("POST", _path("adaptations", adaptation_id, "cancel"), repeatable=True)
    return Call(request, parsing.one(Adaptation))


def adaptations(model: str | None, limit: int | None) -> Listing[Adaptation]:
    def parse(status: int, body: Any) -> tuple[Sequence[Adaptation], str]:
        page = parsing.one(_Adaptations)(status, body)
        return page.adaptations, page.next_page_token

    def page(size: int, token: str) -> Call[tuple[Sequence[Adaptation], str]]:
        query = urlencode({"page_size": size} | _given(page_token=token or None, model=model))
        return Call(Request("GET", f"/adaptations?{query}", repeatable=True), parse)

    return Listing(page, limit)


def pairs(adaptation_id: str, limit: int | None) -> Listing[AdaptationPair]:
    path = _path("adaptations", adaptation_id, "pairs")

    def parse(status: int, body: Any) -> tuple[Sequence[AdaptationPair], str]:
        page = parsing.one(_Pairs)(status, body)
        return page.pairs, page.next_page_token

    def page(size: int, token: str) -> Call[tuple[Sequence[AdaptationPair], str]]:
        query = urlencode({"page_size": size} | _given(page_token=token or None))
        return Call(Request("GET", f"{path}?{query}", repeatable=True), parse)

    return Listing(page, limit)
