"""``colonnade models drafts``"""

import json
from collections.abc import Callable
from typing import Any

from tests.unit.cli.stub import Answer, Stub

Run = Callable[..., Any]
FILE = {"path": "config.json", "size_bytes": 2000, "digest": "sha256:x", "received": 500}
PUSHED = {"model": "mine", "number": 3, "state": "open", "files": [FILE, FILE], "created_by": "local/ann"}
BROUGHT = {"model": "mine", "number": 2, "state": "failed", "source": "https://a.example/x.gguf"}
BROUGHT |= {"fraction": 0.4, "message": "no such file"}


def test_what_is_in_the_making(stub: Stub, colonnade: Run) -> None:
    stub.routes["GET", "/models/mine/drafts"] = Answer(body={"drafts": [PUSHED, BROUGHT]})
    _, pushed, brought = colonnade("models", "drafts", "mine").out.splitlines()
    assert pushed.split() == ["3", "open", "1.0", "KB", "of", "4.0", "KB", "upload", "local/ann"]
    assert brought.split() == ["2", "failed", "40%", "https://a.example/x.gguf", "no", "such", "file"]
    numbers = [each["number"] for each in json.loads(colonnade("models", "drafts", "mine", "--json").out)]
    assert numbers == [3, 2]
    stub.routes["GET", "/models/mine/drafts"] = Answer(body={"drafts": []})
    assert "No version of mine" in colonnade("models", "drafts", "mine").err


def test_one_is_given_up(stub: Stub, colonnade: Run) -> None:
    stub.routes["DELETE", "/models/mine/drafts/3"] = Answer(204)
    assert "Discarded mine:3." in colonnade("models", "drafts", "mine", "--discard", "3").err
    assert (stub.last.method, stub.last.path) == ("DELETE", "/models/mine/drafts/3")
