"""Models that come from another machine: pushed, pulled, broken off in the middle, fetched from a URL."""

import hashlib
import http.server
import json
import shutil
import socket
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.harness.platform import Platform, eventually, running
from tests.harness.tiny_model import write_tiny_llama

OCTETS = {"content-type": "application/offset+octet-stream"}
HELLO = "hello world"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = write_tiny_llama(tmp_path_factory.mktemp("mine"))
    (written / "README.md").write_text("# Mine\n")
    return written


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[str]:
    """The folder behind a URL, with an index."""
    files = {
        path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "size": path.stat().st_size}
        for path in folder.iterdir()
        if path.suffix in (".json", ".safetensors")
    }
    handler = partial(_Indexed, directory=str(folder), index=json.dumps({"files": files}).encode())
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/index.json"
        server.shutdown()


class _Indexed(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *arguments: object, index: bytes, **more: object) -> None:
        self._index = index
        super().__init__(*arguments, **more)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        if self.path != "/index.json":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("content-length", str(len(self._index)))
        self.end_headers()
        self.wfile.write(self._index)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with running("--no-import", COLONNADE_REGISTRY_IMPORT_URLS="http+private://127.0.0.1:*") as started:
        yield started


def logits(folder: Path) -> torch.Tensor:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        found: torch.Tensor = model(**tokenizer(HELLO, return_tensors="pt")).logits
    return found


def test_what_was_pushed_is_pulled_as_it_was(platform: Platform, folder: Path, tmp_path: Path) -> None:
    assert "Pushed mine:1" in platform.command("models", "push", str(folder), "mine").stderr
    again = platform.command("models", "push", str(folder), "mine").stderr
    assert "Pushed mine:1" in again
    pulled = tmp_path / "pulled"
    assert "Pulled mine:1" in platform.command("models", "pull", "mine", str(pulled)).stderr
    assert torch.equal(logits(pulled), logits(folder))
    assert (pulled / "README.md").read_text() == "# Mine\n", "the card comes back too"
    assert [path.name for path in tmp_path.iterdir()] == ["pulled"]
    stored = tmp_path / "stored"
    platform.command("models", "pull", "mine:1", str(stored), "--as-stored")
    assert (stored / "colonnade.json").is_file()
    refused = platform.command("models", "pull", "mine", str(stored), check=False)
    assert refused.returncode != 0
    assert "there already" in refused.stderr


def test_an_upload_that_broke_off_goes_on(platform: Platform, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "README.md").write_text("what nobody has sent before\n" * 200_000)
    with platform.client() as client:
        begun = client.post("/models/broken/versions", json={})
        assert begun.status_code == 201
        draft = begun.headers["location"]
        files = [
            path for path in sorted(tmp_path.iterdir()) if path.suffix in (".json", ".safetensors", ".md")
        ]
        announced = client.put(f"{draft}/files", json={"files": [_announced(path) for path in files]})
        assert announced.status_code == 200, announced.text
        missing = [each["path"] for each in announced.json()["files"] if each["received"] == 0]
        assert "README.md" in missing
        for name in missing:
            url, content = f"{draft}/files/{name}", (tmp_path / name).read_bytes()
            offset = _broken_off(platform, client, url, content) if name == "README.md" else 0
            headers = OCTETS | {"upload-offset": str(offset)}
            rest = client.patch(url, content=content[offset:], headers=headers)
            assert rest.status_code == 200, rest.text
            assert rest.headers["upload-offset"] == str(len(content))
        sealed = client.post(f"{draft}/seal", timeout=120)
        assert sealed.status_code == 201, sealed.text
        assert sealed.json()["version"]["version"] == 1
        assert client.get(draft).json()["state"] == "ready"
        assert client.post(f"{draft}/seal").json() == sealed.json()


def _announced(path: Path) -> dict[str, object]:
    content = path.read_bytes()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return {"path": path.name, "size_bytes": len(content), "digest": digest}


def _broken_off(platform: Platform, client: httpx.Client, url: str, content: bytes) -> int:
    """A connection that ends in the middle of its body; how much of that arrived."""

    def arrived() -> int:
        return int(client.head(url).headers["upload-offset"])

    half = len(content) // 2
    with socket.create_connection(("127.0.0.1", httpx.URL(platform.url).port or 0)) as first:
        headers = OCTETS | {"host": "127.0.0.1", "upload-offset": "0", "content-length": str(len(content))}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        first.sendall(f"PATCH {url} HTTP/1.1\r\n{head}\r\n".encode() + content[:half])
        eventually(lambda: arrived() > 1_000_000, 20, "some of it is there")
    refused = eventually(lambda: _refused(client, url), 20, "the first upload has ended")
    assert refused["offset"] == arrived() <= half
    return arrived()


def _refused(client: httpx.Client, url: str) -> dict[str, Any]:
    """What a wrong offset is told; nothing while the first upload goes on."""
    answer = client.patch(url, content=b"x", headers=OCTETS | {"upload-offset": "1"})
    assert answer.status_code == 409
    details: dict[str, Any] = answer.json()["error"]["details"]
    return details if "offset" in details else {}


def test_a_model_is_fetched_from_an_allowed_url(platform: Platform, served: str) -> None:
    done = platform.command("models", "import", served, "--name", "fetched")
    assert "Imported fetched:1" in done.stderr
    refused = platform.command("models", "import", "https://example.org/x.gguf", "--name", "no", check=False)
    assert "COLONNADE_REGISTRY_IMPORT_URLS" in refused.stderr


def test_a_draft_with_a_source_goes_on_by_itself(platform: Platform, served: str) -> None:
    with platform.client() as client:
        begun = client.post("/models/alone/versions", json={"source": served})
        assert begun.json()["source"] == "index.json"
        draft = begun.headers["location"]

        def ended() -> dict[str, Any]:
            state: dict[str, Any] = client.get(draft).json()
            return state if state["state"] in ("ready", "failed") else {}

        found = eventually(ended, 60, "the import has ended")
        assert (found["state"], found["version"]) == ("ready", 1), found
        assert client.get("/models/alone").json()["aliases"][0]["name"] == "production"
