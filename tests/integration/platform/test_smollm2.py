"""The main job with the real model: one command, an answer; again within seconds; nothing is left behind."""

import json
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest

from tests.harness.collector import collecting
from tests.harness.platform import Platform, eventually, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
QUESTION = {"messages": [{"role": "user", "content": "What is the capital of France?"}], "max_tokens": 24}
START_SECONDS = 20


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("h")


def _ask(platform: Platform) -> str:
    with platform.client() as http:
        reply = http.post("/generate", json=QUESTION | {"preset": "deterministic"})
    assert reply.status_code == 200, reply.text
    return str(reply.json()["text"])


def test_up_imports_the_bundled_model_and_it_answers(home: Path) -> None:
    with running(home=home) as platform:
        eventually(lambda: "curl" in (home / "up.log").read_text(), 300, "the curl is printed")
        assert "Paris" in _ask(platform)
        assert "smollm2" in platform.command("models", "list").stdout
        assert (
            "Paris"
            in platform.command("generate", "The capital of France is", "--preset", "deterministic").stdout
        )


def test_started_again_it_answers_within_seconds(home: Path) -> None:
    started = time.monotonic()
    with running(home=home) as platform:
        assert "Paris" in _ask(platform)
        took = time.monotonic() - started
    print(f"second start to answer: {took:.1f} s")  # noqa: T201 - a figure for the log
    assert took < START_SECONDS


def test_sigterm_lets_a_running_stream_finish(home: Path) -> None:
    with running(home=home) as platform:
        lines: list[str] = []
        begun = threading.Event()

        def read() -> None:
            body = {"prompt": "Once upon a time", "max_tokens": 40, "stream": True, "seed": 1}
            with platform.client() as http, http.stream("POST", "/generate", json=body) as reply:
                for line in reply.iter_lines():
                    lines.append(line)
                    begun.set()

        reader = threading.Thread(target=read)
        reader.start()
        assert begun.wait(60)
        children = psutil.Process(platform.process.pid).children(recursive=True)
        platform.process.send_signal(signal.SIGTERM)
        reader.join(60)
        assert platform.process.wait(60) == 0
        assert "data: [DONE]" in lines
        assert not psutil.wait_procs(children, timeout=5)[1]


def test_tokens_arrive_one_by_one(home: Path) -> None:
    with running(home=home) as platform:
        body = QUESTION | {
            "stream": True,
            "max_tokens": 64,
            "preset": "deterministic",
            "logit_bias": {"0": -100, "2": -100},  # no end token: the answer has its full length
        }
        arrivals = []
        with platform.client() as http, http.stream("POST", "/generate", json=body) as reply:
            for line in reply.iter_lines():
                if line.startswith("data: {"):
                    arrivals.append((time.monotonic(), json.loads(line[6:])))
        assert len(arrivals) >= 32
        assert arrivals[-1][0] - arrivals[0][0] > 0.1, "they came in one piece"


def test_one_trace_runs_from_the_door_to_the_engine(home: Path) -> None:
    with (
        collecting() as (collector, endpoint),
        running(home=home, COLONNADE_OTLP_ENDPOINT=endpoint) as platform,
    ):
        _ask(platform)
        trace = eventually(lambda: _whole(collector.trace_of("POST /generate")), 30, "the trace arrives")
        ids = {span.span_id for span in trace}
        assert {"gateway", "inference", "engine"} <= {span.service for span in trace}
        assert [span for span in trace if not span.parent_id] == [trace[0]]
        assert all(span.parent_id in ids for span in trace[1:])


def _whole(trace: list) -> list:  # type: ignore[type-arg]
    return trace if {"gateway", "inference", "engine"} <= {span.service for span in trace} else []
