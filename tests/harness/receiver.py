"""A receiver of webhooks as others write one: a small HTTP server that verifies what it is sent."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook


@dataclass
class Receiver:
    """``secret`` is set once the webhook was made; until then everything is refused."""

    port: int = 0
    secret: str = ""
    status: Callable[[int], int] = lambda attempt: 200
    """What it answers to its n-th request, counted from 1; what is not 2xx was not taken."""
    taken: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """The id and the content of each message that it answered with 2xx, in order."""
    attempts: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def numbers(self) -> list[int]:
        return [content["data"]["number"] for _, content in self.taken]

    def up(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = receiver.receive(body, {name.lower(): value for name, value in self.headers.items()})
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def down(self) -> None:
        """Nobody listens any more; ``up`` listens on the same port again."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def receive(self, body: bytes, headers: dict[str, str]) -> int:
        if not self.secret:
            return 503
        self.attempts.append(headers["webhook-id"])
        try:
            content = Webhook(self.secret).verify(body, headers)
        except Exception as error:
            self.wrong.append(str(error))
            return 400
        status = self.status(len(self.attempts))
        if 200 <= status < 300:
            self.taken.append((headers["webhook-id"], content))
        return status


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    receiver.up()
    try:
        yield receiver
    finally:
        receiver.down()
