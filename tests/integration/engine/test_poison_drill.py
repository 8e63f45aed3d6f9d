"""A request that kills the engine, on a real platform: it alone is refused, all others get their answers."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from tokenizers import Tokenizer

from tests.harness.platform import Platform, running
from tests.harness.tiny_model import write_tiny_llama

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
POISON = "~"
LONG = "brown fox " * 300
"""Several forwards long."""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    model = write_tiny_llama(tmp_path_factory.mktemp("tiny"))
    (token,) = Tokenizer.from_file(str(model / "tokenizer.json")).encode(POISON).ids
    with running(
        "--no-import",
        COLONNADE_REGISTRY_IMPORT_ROOTS=str(model.parent),
        COLONNADE_ENGINE_STEP_TOKENS="64",
        COLONNADE_INFERENCE_ENGINE_WAIT_SECONDS="120",  # a busy machine starts slowly
        PYTHONPATH=str(Path(__file__).parents[2] / "harness" / "poison"),
        POISON_TOKEN=str(token),
    ) as started:
        started.command("models", "import", str(model), "--name", "tiny")
        yield started


def _ask(platform: Platform, prompt: str, **more: Any) -> httpx.Response:
    with platform.client() as http:
        return http.post(
            "/generate", json={"prompt": prompt, "max_tokens": 8, "preset": "deterministic"} | more
        )


class _Stream(threading.Thread):
    """A stream whose answer has begun."""

    def __init__(self, platform: Platform) -> None:
        super().__init__()
        self.begun = threading.Event()
        self.lines: list[str] = []
        self._platform = platform

    def run(self) -> None:
        body = {"prompt": "The quick", "max_tokens": 6000, "stream": True, "preset": "deterministic"}
        with self._platform.client() as http, http.stream("POST", "/generate", json=body) as reply:
            lines = reply.iter_lines()
            for line in lines:
                self.lines.append(line)
                self.begun.set()

    def error(self) -> dict[str, Any]:
        at = self.lines.index("event: error")
        said: dict[str, Any] = json.loads(self.lines[at + 1].removeprefix("data: "))["error"]
        return said


def test_a_poison_request_is_refused_and_its_neighbours_are_answered(platform: Platform) -> None:
    engine = platform.pid("engine")
    stream = _Stream(platform)
    stream.start()
    assert stream.begun.wait(60)
    with ThreadPoolExecutor(4) as pool:
        # Of one token: an answer that has begun has ended too.
        prompts = [f"{number} {LONG}" for number in range(2)]
        neighbours = [pool.submit(_ask, platform, prompt, max_tokens=1) for prompt in prompts]
        poisoned = pool.submit(_ask, platform, f"a {POISON} b").result(180)
        answers = [each.result(180) for each in neighbours]
    stream.join(180)

    assert poisoned.status_code == 400, poisoned.text
    assert "died 2 times" in poisoned.json()["error"]["message"]
    assert [each.status_code for each in answers] == [200, 200], [each.text for each in answers]
    assert stream.error()["code"] == "unavailable"
    assert "before the answer was complete" in stream.error()["message"]
    assert platform.pid("engine") != engine

    alive = platform.pid("engine")
    again = _ask(platform, f"a {POISON} b", temperature=0.5)
    assert again.status_code == 400
    assert _ask(platform, "a b").status_code == 200
    assert platform.pid("engine") == alive, "the refused request did not reach the model"
    later = [_ask(platform, prompt, max_tokens=1).json()["text"] for prompt in prompts]
    assert [each.json()["text"] for each in answers] == later
