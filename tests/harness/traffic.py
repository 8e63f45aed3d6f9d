"""Steady requests from threads, and what became of each."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from tests.harness.platform import Platform


@dataclass(frozen=True)
class Answered:
    at: float
    """On ``time.monotonic()``'s clock."""
    status: int
    """0 where no answer came at all."""
    version: int = 0
    fell_back: bool = False
    text: str = ""


@dataclass
class Traffic:
    """What was asked of one alias so far."""

    answers: list[Answered] = field(default_factory=list)

    @property
    def failed(self) -> list[Answered]:
        return [each for each in self.answers if each.status != 200]

    @property
    def versions(self) -> Counter[int]:
        return Counter(each.version for each in self.answers)


@contextmanager
def steady(
    platform: Platform, model: str, *, threads: int = 2, tokens: int = 4, key: str = ""
) -> Iterator[Traffic]:
    """Requests without a pause, each with a prompt of its own; stopped at the end of the block."""
    traffic, stop = Traffic(), threading.Event()
    asking = [
        threading.Thread(target=_ask, args=(platform, model, number, tokens, key, traffic, stop))
        for number in range(threads)
    ]
    for each in asking:
        each.start()
    try:
        yield traffic
    finally:
        stop.set()
        for each in asking:
            each.join(120)


def _ask(
    platform: Platform,
    model: str,
    thread: int,
    tokens: int,
    key: str,
    traffic: Traffic,
    stop: threading.Event,
) -> None:
    asked = 0
    with platform.client(**({"authorization": f"Bearer {key}"} if key else {})) as http:
        while not stop.is_set():
            asked += 1
            body = {
                "prompt": f"{thread} asks {asked}",
                "model": model,
                "max_tokens": tokens,
                "logit_bias": {"0": -100},  # none ends early
            }
            try:
                answer = http.post("/generate", json=body)
            except httpx.TransportError as error:
                traffic.answers.append(Answered(time.monotonic(), 0, text=repr(error)))
                stop.wait(0.05)  # nobody listens: not as fast as can be
                continue
            traffic.answers.append(_seen(answer))


def _seen(answer: httpx.Response) -> Answered:
    if answer.status_code != 200:
        return Answered(time.monotonic(), answer.status_code, text=answer.text)
    degraded = "model" in answer.headers.get("x-colonnade-degraded", "")
    return Answered(time.monotonic(), 200, answer.json()["model"]["version"], degraded)
