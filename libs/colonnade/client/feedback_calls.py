"""Feedback and reward models: what is sent, and how the answers are read."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict
from urllib.parse import urlencode

from colonnade.client import parsing
from colonnade.client.calls import OCTETS, Call, Request, _given, _path
from colonnade.client.memory_calls import Listing
from colonnade.client.results.feedback import Feedback, Pair, RewardModel, RewardScores


class NewFeedback(TypedDict, total=False):
    """What may accompany feedback of a kind."""

    request_id: str | None
    """Of the answer, so that the version that wrote it is known."""
    version: str | None
    """That version's digest, where the platform no longer knows."""
    prompt: str | None
    messages: Sequence[Mapping[str, str]] | None
    value: str | None
    """``up`` or ``down``, of a thumb."""
    answer: str | None
    correction: str | None
    chosen: str | None
    rejected: str | None
    comment: str | None
    subject: str | None


@dataclass(frozen=True, slots=True)
class _Feedback:
    feedback: tuple[Feedback, ...]
    next_page_token: str = ""


@dataclass(frozen=True, slots=True)
class _Pairs:
    pairs: tuple[Pair, ...]
    next_page_token: str = ""


def give(kind: str, options: NewFeedback, key: str | None) -> Call[Feedback]:
    """Safe to repeat: the platform knows the key again."""
    body = _given(kind=kind, **options)
    if (messages := options.get("messages")) is not None:
        body["messages"] = [dict(each) for each in messages]
    once = key or uuid.uuid4().hex
    request = Request("POST", "/feedback", body, repeatable=True, idempotency_key=once)
    return Call(request, parsing.one(Feedback))


def listing(state: str | None, kind: str | None, limit: int | None) -> Listing[Feedback]:
    def page(size: int, token: str) -> Call[tuple[Sequence[Feedback], str]]:
        return Call(_get("/feedback", size, token, state=state, kind=kind), _feedback_page)

    return Listing(page, limit)


def pairs() -> Listing[Pair]:
    def page(size: int, token: str) -> Call[tuple[Sequence[Pair], str]]:
        return Call(_get("/feedback/pairs", size, token), _pairs_page)

    return Listing(page, None)


def get(feedback_id: str) -> Call[Feedback]:
    return Call(Request("GET", _path("feedback", feedback_id), repeatable=True), parsing.one(Feedback))


def review(feedback_id: str, decision: str, why: str | None) -> Call[Feedback]:
    body = _given(decision=decision, why=why)
    return Call(Request("POST", _path("feedback", feedback_id, "review"), body), parsing.one(Feedback))


def withdraw(feedback_id: str) -> Call[None]:
    return Call(Request("DELETE", _path("feedback", feedback_id)), parsing.nothing)


def train(built_in: bool, key: str | None) -> Call[RewardModel]:
    request = Request(
        "POST", "/reward-models", {"built_in": built_in}, repeatable=True,
        idempotency_key=key or uuid.uuid4().hex,
    )  # fmt: skip
    return Call(request, parsing.one(RewardModel))


def models() -> Call[list[RewardModel]]:
    return Call(Request("GET", "/reward-models", repeatable=True), parsing.listed("models", RewardModel))


def score(
    prompt: str | None,
    messages: Sequence[Mapping[str, str]] | None,
    answers: Sequence[str],
    model: str | None,
) -> Call[RewardScores]:
    said = None if messages is None else [dict(each) for each in messages]
    body = _given(prompt=prompt, messages=said, answers=list(answers), model=model)
    return Call(Request("POST", "/reward-models/score", body, repeatable=True), parsing.one(RewardScores))


def weights(model_id: str) -> Call[bytes]:
    path = _path("reward-models", model_id, "weights")
    return Call(Request("GET", path, accept=OCTETS, repeatable=True), _bytes)


def _get(path: str, size: int, token: str, **asked: str | None) -> Request:
    query: dict[str, Any] = {"page_size": size} | _given(page_token=token or None, **asked)
    return Request("GET", f"{path}?{urlencode(query)}", repeatable=True)


def _feedback_page(status: int, told: Any) -> tuple[Sequence[Feedback], str]:
    page = parsing.one(_Feedback)(status, told)
    return page.feedback, page.next_page_token


def _pairs_page(status: int, told: Any) -> tuple[Sequence[Pair], str]:
    page = parsing.one(_Pairs)(status, told)
    return page.pairs, page.next_page_token


def _bytes(_: int, told: Any) -> bytes:
    return bytes(told)
