"""An HTTP server of a test's own, in threads, on the loopback."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

Answer = tuple[int, Any]
"""A status, and what is sent as JSON."""
Ask = Callable[[str, str, Mapping[str, str], Any], Answer]
"""Method, path without its query, headers in lower case and what the query says, and what came as JSON."""


@contextmanager
def answering(ask: Ask) -> Iterator[str]:
    """The server's URL while it listens."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            said = json.loads(self.rfile.read(length)) if length else None
            path, _, query = self.path.partition("?")
            beside = {name.lower(): value for name, value in self.headers.items()} | dict(parse_qsl(query))
            status, value = ask(self.command, path, beside, said)
            content = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = answer

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
