"""Training jobs: what is sent, and how the answers are read."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar
from urllib.parse import urlencode

from colonnade.client import parsing, sse
from colonnade.client.calls import Call, Request, StreamCall, _given, _path
from colonnade.client.readers import broken_off, payload
from colonnade.client.results import Job, LogLine, Point

_T = TypeVar("_T")
_PAGE = 100
_ROOT = ("training", "jobs")


@dataclass(frozen=True, slots=True)
class Page:
    jobs: tuple[Job, ...]
    next_page_token: str = ""


@dataclass(frozen=True, slots=True)
class LogPage:
    lines: tuple[LogLine, ...]
    offset: int
    """Where to read on."""


class Listing:
    """Pages until there are no more, or enough."""

    def __init__(
        self,
        states: Sequence[str],
        kind: str | None,
        name: str | None,
        by: str | None,
        tenant: str | None,
        limit: int | None,
    ) -> None:
        named = _given(kind=kind, name=name, by=by, tenant=tenant)
        self._asked = [*(("state", state) for state in states), *named.items()]
        self._limit = limit
        self._token: str | None = None
        self.jobs: list[Job] = []

    def next_call(self) -> Call[Page] | None:
        """None where there is nothing left to ask for."""
        left = _PAGE if self._limit is None else min(self._limit - len(self.jobs), _PAGE)
        if self._token == "" or left <= 0:
            return None
        token = [("page_token", self._token)] if self._token else []
        query = urlencode([*self._asked, ("page_size", left), *token])
        return Call(Request("GET", f"{_path(*_ROOT)}?{query}", repeatable=True), parsing.one(Page))

    def take(self, page: Page) -> None:
        self.jobs += page.jobs
        self._token = page.next_page_token


class _Reader(Generic[_T]):
    """Items, then an event ``end`` with the job. A stream without one broke off."""

    _item: type[_T]

    def __init__(self) -> None:
        self._job: Job | None = None

    def read(self, event: sse.Event) -> _T | None:
        body = payload(event)
        if body is None:
            return None
        if event.kind == "end":
            self._job = parsing.decoded(Job, body)
            return None
        return parsing.decoded(self._item, body)

    def result(self) -> Job:
        if self._job is None:
            raise broken_off()
        return self._job


class PointReader(_Reader[Point]):
    _item = Point


class LogReader(_Reader[LogLine]):
    _item = LogLine


class Place(Protocol[_T]):
    """How far a stream was read, over all its connections."""

    def call(self) -> StreamCall[_T, Job]:
        """What goes on from there."""
        ...

    def take(self, item: _T) -> bool:
        """Whether it is new."""
        ...


class PointPlace:
    """How far a stream of points was read. Its steps may go back, so that no step says where it broke; but
    the log behind it only grows, and so the number of points does."""

    def __init__(self, job_id: str, from_step: int) -> None:
        self._job_id, self._from_step = job_id, from_step
        self._taken = self._again = 0

    def call(self) -> StreamCall[Point, Job]:
        self._again = self._taken
        query = urlencode({"from_step": self._from_step, "follow": "true"})
        return StreamCall(_stream(self._job_id, "metrics", query), PointReader)

    def take(self, _point: Point) -> bool:
        if self._again:
            self._again -= 1
            return False
        self._taken += 1
        return True


class LogPlace:
    """How far a log was read."""

    def __init__(self, job_id: str, offset: int) -> None:
        self._job_id, self._offset = job_id, offset

    def call(self) -> StreamCall[LogLine, Job]:
        query = urlencode({"offset": self._offset, "follow": "true"})
        return StreamCall(_stream(self._job_id, "logs", query), LogReader)

    def take(self, line: LogLine) -> bool:
        self._offset = line.offset
        return True


def submit(recipe: str, kind: str | None, priority: int | None, idempotency_key: str | None) -> Call[Job]:
    """Safe to repeat: the platform knows the key again."""
    return _made((), _given(recipe=recipe, kind=kind, priority=priority), idempotency_key)


def get(job_id: str) -> Call[Job]:
    return Call(Request("GET", _path(*_ROOT, job_id), repeatable=True), parsing.one(Job))


def cancel(job_id: str, why: str | None) -> Call[Job]:
    return Call(Request("POST", _path(*_ROOT, job_id, "cancel"), _given(why=why)), parsing.one(Job))


def resume(job_id: str) -> Call[Job]:
    return Call(Request("POST", _path(*_ROOT, job_id, "resume"), {}), parsing.one(Job))


def retry(job_id: str) -> Call[Job]:
    """Safe to repeat likewise."""
    return _made((job_id, "retry"), {}, None)


def metrics(job_id: str, from_step: int) -> Call[list[Point]]:
    path = f"{_path(*_ROOT, job_id, 'metrics')}?{urlencode({'from_step': from_step})}"
    return Call(Request("GET", path, repeatable=True), parsing.listed("points", Point))


def logs(job_id: str, offset: int) -> Call[LogPage]:
    path = f"{_path(*_ROOT, job_id, 'logs')}?{urlencode({'offset': offset})}"
    return Call(Request("GET", path, repeatable=True), parsing.one(LogPage))


def _made(parts: tuple[str, ...], body: dict[str, object], idempotency_key: str | None) -> Call[Job]:
    key = idempotency_key or uuid.uuid4().hex
    request = Request("POST", _path(*_ROOT, *parts), body, repeatable=True, idempotency_key=key)
    return Call(request, parsing.one(Job))


def _stream(job_id: str, what: str, query: str) -> Request:
    path = f"{_path(*_ROOT, job_id, what)}?{query}"
    return Request("GET", path, accept="text/event-stream", repeatable=True)
