"""A gateway small enough for tests: real HTTP on loopback, answers that a test may replace."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

MODEL = {"name": "smollm2", "version": 1, "digest": "sha256:" + "ab" * 32}
VERSION = {
    **MODEL, "family": "transformer", "parameters": 135, "size_label": "135M", "context_length": 2048,
    "size_bytes": 538_000_000, "created_at": "2026-01-02T03:04:05Z",
}  # fmt: skip
LISTED = {
    "name": "smollm2", "description": "small", "latest_version": 1, "size_label": "135M",
    "aliases": [{"name": "production", "targets": [{"version": 1, "weight": 100}], "revision": 1}],
}  # fmt: skip
ENGINES = [
    {"address": "unix:/e.sock", "ready": True, "models": ["smollm2:1"], "outstanding_tokens": 12},
    {
        "address": "10.0.0.7:9000", "ready": False, "why_not": "ejected", "ejected_seconds": 4.0,
        "lease_seconds": 12.0,
        "breakers": [
            {"digest": "sha256:" + "ab" * 32, "state": "open", "seconds": 2.0},
            {"digest": "sha256:" + "cd" * 32, "state": "half_open", "seconds": 0.0},
        ],
    },
]  # fmt: skip
KEY = {"id": "k1", "name": "app", "tenant": "local", "roles": ["caller"]}


@dataclass
class Seen:
    method: str
    path: str
    body: Any
    headers: dict[str, str]


@dataclass
class Answer:
    status: int = 200
    body: Any = None
    events: list[Any] | None = None
    """Server-sent events: strings go out as they are, anything else as JSON data."""


Responder: TypeAlias = Callable[[Seen], Answer]


def words(text: str) -> list[Any]:
    pieces = [{"id": "g1", "text": word} for word in text.split(" ")]
    for piece in pieces[1:]:
        piece["text"] = " " + piece["text"]
    return [*pieces, final(), "data: [DONE]\n\n"]


def final() -> dict[str, Any]:
    return {
        "id": "g1", "text": "", "finish_reason": "stop", "model": MODEL, "seed": 7,
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}, "timings": {"total": 0.5},
    }  # fmt: skip


def error(status: int, code: str, message: str, **details: Any) -> Answer:
    fault = {"code": code, "message": message, "details": details, "request_id": "r-42"}
    return Answer(status, {"error": fault})


@dataclass
class Stub:
    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    routes: dict[tuple[str, str], Answer | Responder] = field(default_factory=dict)

    def answer(self, seen: Seen) -> Answer:
        self.seen.append(seen)
        found = self.routes.get((seen.method, seen.path))
        if found is None:
            return error(404, "not_found", f"there is nothing at {seen.path}")
        return found(seen) if callable(found) else found

    @property
    def last(self) -> Seen:
        return self.seen[-1]


def _generate(seen: Seen) -> Answer:
    if seen.body["stream"]:
        return Answer(events=words("Paris of course"))
    return Answer(body=final() | {"text": "Paris of course"})


_USAGE = {"prompt_tokens": 4, "total_tokens": 4}


def _embed(seen: Seen) -> Answer:
    data = [{"index": index, "embedding": [0.6, -0.8]} for index, _ in enumerate(seen.body["input"])]
    return Answer(body={"data": data, "model": MODEL, "usage": _USAGE})


def _score(seen: Seen) -> Answer:
    tokens = [{"id": 1, "text": " Par", "logprob": -0.25}, {"id": 2, "text": "is", "logprob": -0.5}]
    data = [
        {"index": index, "tokens": tokens, "total_logprob": -0.75}
        for index, _ in enumerate(seen.body["text"])
    ]
    return Answer(body={"data": data, "model": MODEL, "usage": _USAGE})


def _tokenize(seen: Seen) -> Answer:
    strs = ["Par", "is"] if seen.body.get("return_token_strs") else None
    return Answer(
        body={"tokens": [7, 8], "count": 2, "max_model_len": 2048, "token_strs": strs, "model": MODEL}
    )


def _defaults() -> dict[tuple[str, str], Answer | Responder]:
    return {
        ("POST", "/generate"): _generate,
        ("POST", "/embed"): _embed,
        ("POST", "/score"): _score,
        ("POST", "/tokenize"): _tokenize,
        ("GET", "/models"): Answer(body={"models": [LISTED]}),
        ("GET", "/models/smollm2"): Answer(body=LISTED | {"versions": [VERSION]}),
        ("POST", "/models/import"): Answer(
            events=[
                {"stage": "read", "fraction": 0.5},
                {"stage": "convert", "fraction": 1.0},
                {"stage": "done", "fraction": 1.0, "version": VERSION},
            ]
        ),
        ("GET", "/version"): Answer(body={"version": "9.9.9"}),
        ("GET", "/engines"): Answer(body={"engines": ENGINES}),
        ("GET", "/keys"): Answer(body={"keys": [KEY]}),
        ("POST", "/keys"): Answer(201, KEY | {"secret": "ck_k1_topsecret"}),
        ("POST", "/keys/k1/rotate"): Answer(body=KEY | {"secret": "ck_k1_newsecret"}),
        ("DELETE", "/keys/k1"): Answer(204),
    }


@contextmanager
def serving(port: int = 0) -> Iterator[Stub]:
    stub = Stub(routes=_defaults())

    class Handler(_Handler):
        platform = stub

    server = _Server(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    stub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what some tests are about; anything else is told."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    platform: Stub

    def _handle(self) -> None:
        length = int(self.headers.get("content-length", 0))
        sent = self.rfile.read(length)
        is_json = self.headers.get("content-type", "") == "application/json"
        body = json.loads(sent) if sent and is_json else sent or None
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.platform.answer(Seen(self.command, self.path, body, headers))
        self.send_response(answer.status)
        if answer.events is None:
            self._send_json(answer.body)
        else:
            self._send_events(answer.events)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle

    def _send_json(self, body: Any) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _send_events(self, events: list[Any]) -> None:
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for event in events:
            text = event if isinstance(event, str) else f"data: {json.dumps(event)}\n\n"
            self.wfile.write(text.encode())
            self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that http.server gives
        """Silent."""
