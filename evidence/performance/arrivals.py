"""Requests that come when they come: poisson arrivals of unlike lengths, the same for every engine.

Needs the standard library alone, as it also runs in the peers' interpreters.
"""

import math
import random
import time
from collections.abc import Callable, Sequence
from typing import TypedDict


class Arrival(TypedDict):
    name: str
    at: float
    """Seconds after the start."""
    prompt: list[int]
    tokens: int


class Served(TypedDict):
    name: str
    due: float
    times: list[float]
    """Seconds after the start, of every token."""


def poisson(
    rate: float, count: int, prompts: tuple[int, int], answers: tuple[int, int], seed: int
) -> list[tuple[float, int, int]]:
    """``count`` arrivals at ``rate`` a second: when, tokens of the prompt, tokens of the answer. Lengths are
    spread evenly over orders of magnitude between their bounds."""
    draws = random.Random(seed)
    now, arrivals = 0.0, []
    for _ in range(count):
        now += draws.expovariate(rate)
        arrivals.append((now, _between(draws, prompts), _between(draws, answers)))
    return arrivals


def _between(draws: random.Random, bounds: tuple[int, int]) -> int:
    return round(math.exp(draws.uniform(math.log(bounds[0]), math.log(bounds[1]))))


def take_turns(
    arrivals: Sequence[Arrival], submit: Callable[[Arrival], None], settle: Callable[[float], int]
) -> None:
    """Submits each request when it is due and settles what came meanwhile, until all have ended.

    ``settle`` gets the time of the start, waits a moment for news and answers how many requests ended."""
    began, left = time.perf_counter(), list(arrivals)
    running = 0
    while left or running:
        now = time.perf_counter() - began
        while left and left[0]["at"] <= now:
            submit(left.pop(0))
            running += 1
        running -= settle(began)
        if not running and left:
            time.sleep(max(0.0, left[0]["at"] - (time.perf_counter() - began)))
