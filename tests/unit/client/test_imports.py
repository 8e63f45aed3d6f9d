"""The client is small: it starts quickly and installs anywhere."""

import subprocess
import sys


def test_the_client_needs_neither_torch_nor_grpc() -> None:
    code = "import sys, colonnade.client; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stdout.split())
    assert "httpx" in loaded
    assert loaded.isdisjoint({"torch", "grpc", "fastapi", "numpy", "opentelemetry", "structlog"})
