"""What a gateway's process spends on answers, and how long clients wait for them."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evidence.performance.gateways.load import closed_loop, request
from evidence.performance.gateways.processes import Running
from evidence.performance.statistics import quantile


@dataclass(frozen=True, slots=True)
class Load:
    """So many answers of one token, and as many streams of one and of ``tokens`` more."""

    model: str
    clients: int
    requests: int
    tokens: int
    more: Mapping[str, Any] = field(default_factory=dict)
    """Fields of every request."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one measurement, in seconds."""

    request: float
    """Of the processor, for an answer in one piece."""
    token: float
    """Of the processor, for each further token of a stream."""
    first: float
    """Until the answer began, the median."""
    wall: float


def cost(running: Running, load: Load) -> Cost:
    began = time.perf_counter()
    whole, first = _asked(running, load, 1, stream=False)
    short, _ = _asked(running, load, 1, stream=True)
    long, _ = _asked(running, load, 1 + load.tokens, stream=True)
    return Cost(whole, (long - short) / load.tokens, first, time.perf_counter() - began)


def _asked(running: Running, load: Load, tokens: int, *, stream: bool) -> tuple[float, float]:
    """Processor seconds a request, and the median time to its first byte."""
    asked = request(running.door, load.model, tokens, stream=stream, more=load.more)
    before = running.cpu_seconds()
    answers = closed_loop(running.door, asked, clients=load.clients, requests=load.requests)
    waited = asyncio.run(answers)
    used = running.cpu_seconds() - before
    return used / load.requests, quantile(sorted(waited.first), 0.5)
