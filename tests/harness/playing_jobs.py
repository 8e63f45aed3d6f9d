"""A gateway that plays training jobs: a test moves them, the console looks on."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

AT = "2030-01-01T00:00:00Z"
DIGEST = f"sha256:{'d' * 64}"
ENDED = ("succeeded", "failed", "cancelled")
JOBS = (
    "GET /training/jobs",
    "GET /training/jobs/{id}",
    "POST /training/jobs",
    "POST /training/jobs/{id}/cancel",
    "POST /training/jobs/{id}/resume",
    "POST /training/jobs/{id}/retry",
)
ENGINEER = {"tenant": "acme", "subject": "ann", "key": "k1", "roles": ["model_engineer"], "may": [*JOBS]}
PAGE = 50
Answer = tuple[int, Any]


def job(job_id: str, **facts: Any) -> dict[str, Any]:
    return {
        "id": job_id, "kind": "train", "name": "plays", "state": "queued", "message": "", "step": 0,
        "total_steps": 400, "priority": 0, "metrics": {}, "attempt": 0, "lost": 0, "retry_of": "",
        "place": "", "tenant": "acme", "by": "acme/ann", "recipe_digest": DIGEST, "produced": None,
        "created_at": AT, "since": AT, "started_at": None, "seen_at": None, "ended_at": None, "revision": 1,
        "recipe": "name: plays\nsteps: 400\n", "events": [happened("submitted")],
    } | facts  # fmt: skip


def happened(what: str, words: str = "", by: str = "acme/ann") -> dict[str, Any]:
    return {"at": AT, "what": what, "by": by, "words": words}


def point(step: int, *, evaluation: bool = False, **metrics: float | None) -> dict[str, Any]:
    at = f"2030-01-01T00:{step // 60 % 60:02}:{step % 60:02}Z"
    return {"step": step, "at": at, "evaluation": evaluation, "metrics": metrics}


class PlayedJobs:
    """``jobs`` by id, newest last, with their ``points`` and log ``lines``. ``refusals``: by a path's end,
    the error that whoever asks gets. ``posted`` keeps the bodies."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.who: dict[str, Any] = deepcopy(ENGINEER)
        self.jobs: dict[str, dict[str, Any]] = {}
        self.points: dict[str, list[dict[str, Any]]] = {}
        self.lines: dict[str, list[str]] = {}
        self.refusals: dict[str, tuple[int, str, str, dict[str, Any]]] = {}
        self.posted: list[tuple[str, dict[str, Any]]] = []

    def put(self, job_id: str, **facts: Any) -> None:
        """A new job, or facts of one that is there."""
        with self.lock:
            before = self.jobs.get(job_id) or job(job_id)
            self.jobs[job_id] = before | facts | {"revision": before["revision"] + 1}

    def tell(self, job_id: str, *points: dict[str, Any], lines: tuple[dict[str, Any], ...] = ()) -> None:
        with self.lock:
            self.points.setdefault(job_id, []).extend(points)
            self.lines.setdefault(job_id, []).extend(json.dumps(line) for line in lines)

    def answer(self, method: str, target: str, body: dict[str, Any]) -> Answer:
        url = urlsplit(target)
        asked = parse_qs(url.query)
        with self.lock:
            for end, (status, code, message, details) in self.refusals.items():
                if url.path.endswith(end):
                    return _refusal(status, code, message, **details)
            if url.path == "/whoami":
                return 200, self.who
            if method == "POST":
                self.posted.append((url.path, body))
            match url.path.strip("/").split("/"):
                case ["models"]:
                    return 200, {"models": []}
                case ["training", "jobs"]:
                    return self._submit(body) if method == "POST" else self._page(asked)
                case ["training", "jobs", job_id, *rest] if job_id in self.jobs:
                    return self._of(job_id, rest, asked, body)
        return _refusal(404, "not_found", "there is no such job", field="id")

    def _of(self, job_id: str, rest: list[str], asked: dict[str, list[str]], body: dict[str, Any]) -> Answer:
        match rest:
            case ["metrics"]:
                since = int(asked["from_step"][0])
                return 200, {
                    "points": [each for each in self.points.get(job_id, []) if each["step"] >= since]
                }
            case ["logs"]:
                return 200, self._lines(job_id, int(asked["offset"][0]))
            case [act]:
                return self._act(job_id, act, body)
        return 200, self.jobs[job_id]

    def _lines(self, job_id: str, offset: int) -> dict[str, Any]:
        """An offset is a line's number here."""
        some = self.lines.get(job_id, [])[offset : offset + PAGE]
        lines = [{"line": line, "offset": number} for number, line in enumerate(some, offset + 1)]
        return {"lines": lines, "offset": offset + len(some)}

    def _page(self, asked: dict[str, list[str]]) -> Answer:
        states, first = asked.get("state", []), int(asked.get("page_token", ["0"])[0])
        found = [each for each in reversed(self.jobs.values()) if not states or each["state"] in states]
        size = int(asked["page_size"][0])
        rest = str(first + size) if first + size < len(found) else ""
        short = [{**each, "recipe": "", "events": []} for each in found[first : first + size]]
        return 200, {"jobs": short, "next_page_token": rest}

    def _submit(self, body: dict[str, Any], **facts: Any) -> Answer:
        job_id = f"job_{len(self.jobs):06}"
        facts = {"recipe": body.get("recipe", ""), "priority": body.get("priority", 0)} | facts
        self.jobs[job_id] = job(job_id, **facts)
        return 201, self.jobs[job_id]

    def _act(self, job_id: str, act: str, body: dict[str, Any]) -> Answer:
        was = self.jobs[job_id]
        if act == "retry":
            return self._submit({"recipe": was["recipe"]}, retry_of=job_id)
        if (act == "cancel") == (was["state"] in ENDED):
            return _refusal(409, "conflict", f"the job is {was['state']}", state=was["state"])
        state = "queued" if act == "resume" else "cancelled" if was["state"] == "queued" else "stopping"
        events = [*was["events"], happened(state, body.get("why", ""))]
        self.jobs[job_id] = was | {"state": state, "events": events, "message": f"{act} by acme/ann"}
        return 200, self.jobs[job_id]


def _refusal(status: int, code: str, message: str, **details: Any) -> Answer:
    return status, {"error": {"code": code, "message": message, "details": details}}


@contextmanager
def played_jobs() -> Iterator[tuple[PlayedJobs, int]]:
    """The jobs, and the port where they are asked for."""
    played = PlayedJobs()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer("GET", {})

        def do_POST(self) -> None:
            self._answer("POST", json.loads(self.rfile.read(int(self.headers["content-length"])) or b"{}"))

        def log_message(self, *args: Any) -> None:
            """Says nothing."""

        def _answer(self, method: str, body: dict[str, Any]) -> None:
            status, said = played.answer(method, self.path, body)
            sent = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield played, server.server_port
    finally:
        server.shutdown()
        server.server_close()
