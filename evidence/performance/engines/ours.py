"""Colonnade's engine in one process: its core, its loop and its scheduler, without the wire."""

import queue
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from colonnade.engine.artefacts import runtime_of
from colonnade.engine.core import Core
from colonnade.engine.kernels.pack import Weights
from colonnade.engine.loop import Loop
from colonnade.engine.precision import Precision
from colonnade.engine.runtime import ModelRef, Runtime
from colonnade.engine.scheduler import Limits
from colonnade.engine.sequence import Finish, Update, Work
from colonnade.engine.sequence import Sequence as Request
from colonnade.engine.speculation.lengths import Adaptive
from colonnade.engine.speculation.method import Method
from colonnade.engine.speculation.pairing import FEWEST_BITS, Pairing
from colonnade.engine.threads import claim
from colonnade.models.adapters import bank_of
from colonnade.models.families import catalog
from colonnade.models.layers.lora import LowRank
from evidence.performance.arrivals import Arrival, Served, take_turns
from evidence.performance.engines.child import resident_bytes, serve
from evidence.performance.engines.guessing import Recorded
from evidence.performance.sampled_profile import Profile

Prompts = Sequence[Sequence[int]]
_MOMENT_SECONDS, _PATIENCE_SECONDS = 0.002, 600


class Colonnade:
    def __init__(
        self,
        folder: str,
        weights: Weights,
        threads: int,
        device: str = "cpu",
        speculation: str = "off",
        guesses: int = 4,
        **limits: int,
    ) -> None:
        claim(threads)
        self.core = Core(Limits(**limits))
        self.runtime = _load(Path(folder), weights, device)
        _speculate(self.runtime, self.core, Path(folder), speculation, guesses)
        lengths = self.runtime.speculation.lengths if self.runtime.speculation else None
        self._adaptive = lengths if isinstance(lengths, Adaptive) else None
        """Also hears what guessing costs, whoever chooses."""
        self.watch: Callable[[], None] = lambda: None
        """Called after each forward, in the core's thread."""
        self._updates: queue.SimpleQueue[tuple[float, Update]] = queue.SimpleQueue()
        self._loop = Loop(self.core, self._deliver, threads, lambda _: self.watch())
        self._loop.start()

    def describe(self) -> dict[str, Any]:
        weights = self.runtime.model.memory_bytes
        return {"version": "this commit", "weights": self.runtime.weights, "weight_bytes": weights}

    def generate(self, prompts: Prompts, tokens: int, adapters: Sequence[str] = ()) -> list[list[int]]:
        """The greedy answers, ``tokens`` long each; prompt i with adapter i, round and round."""
        requests = [
            self.request(prompt, tokens, adapters[index % len(adapters)] if adapters else None)
            for index, prompt in enumerate(prompts)
        ]
        self._finished(requests)
        return [list(request.tokens[len(request.work.tokens) :]) for request in requests]

    def speculate(self, prompts: Prompts, tokens: int, guesses: int) -> dict[str, Any]:
        """As ``generate`` with so many guesses a step (-1: as many as pay), and a record of every step."""
        speculation = self.runtime.speculation
        assert speculation is not None, "the engine was made with speculation"
        assert self._adaptive is not None
        recorded = Recorded(max(0, guesses))
        speculation.lengths = self._adaptive if guesses < 0 else recorded
        requests = [self.request(prompt, tokens) for prompt in prompts]
        finishes = self._finished(requests)
        return {
            "answers": [list(request.tokens[len(request.work.tokens) :]) for request in requests],
            "decode_seconds": max(finish.decode_seconds for finish in finishes),
            "record": recorded.record() | {"guess_seconds": self._adaptive.draft_seconds or 0.0},
        }

    def profile(self, prompts: Prompts, tokens: int) -> dict[str, Any]:
        """Where the core's thread is while it generates, and how long a token after the first takes."""
        requests = [self.request(prompt, tokens) for prompt in prompts]
        with Profile("engine-core") as profile:
            finishes = self._finished(requests)
        seconds = max(finish.decode_seconds for finish in finishes) / (tokens - 1)
        return {"seconds_a_token": seconds, "shares": profile.shares()}

    def serve_arrivals(self, arrivals: Sequence[Arrival]) -> list[Served]:
        """Takes each request when it arrives; when its tokens came."""
        served: dict[str, Served] = {}

        def submit(arrival: Arrival) -> None:
            request = self.request(arrival["prompt"], arrival["tokens"], name=arrival["name"])
            served[arrival["name"]] = {"name": arrival["name"], "due": arrival["at"], "times": []}
            self.core.submit(request)

        def settle(began: float) -> int:
            try:
                now, update = self._updates.get(timeout=_MOMENT_SECONDS)
            except queue.Empty:
                return 0
            if update.error:
                raise update.error
            served[update.sequence.work.request_id]["times"] += [now - began] * len(update.pieces)
            return int(update.finish is not None)

        take_turns(arrivals, submit, settle)
        return list(served.values())

    def waste(self, prompts: Prompts, tokens: Sequence[int]) -> dict[str, Any]:
        """Bytes held and bytes of them that hold nothing, after each forward of a batch of unlike lengths."""
        held, wasted = [0], [0]

        def watch() -> None:
            held.append(self.runtime.store.held_bytes)
            wasted.append(self.runtime.store.wasted_bytes)

        self.watch = watch
        self._finished([self.request(prompt, count) for prompt, count in zip(prompts, tokens, strict=True)])
        self.watch = lambda: None
        return {"held": held, "wasted": wasted}

    def endure(self, prompts: Prompts, tokens: int, at_once: int) -> dict[str, Any]:
        """Short requests, ``at_once`` at a time; memory and pages when they are through."""
        for first in range(0, len(prompts), at_once):
            self.generate(prompts[first : first + at_once], tokens)
        load, pool = self.core.load(), self.runtime.store.pool
        return {
            "resident": resident_bytes(), "held": load.cache_bytes, "cached": load.cached_bytes,
            "pages": pool.resident, "open": len(self.runtime.store),
        }  # fmt: skip

    def add_adapters(self, names: Sequence[str], rank: int) -> None:
        """Random adapters for every layer that can have one."""
        bank = bank_of(self.runtime.model)
        assert bank is not None, "the family takes adapters"
        random = torch.Generator().manual_seed(0)
        for name in names:
            bank.add(
                name,
                {
                    site: LowRank(
                        torch.randn(rank, where.inputs, generator=random) * 0.01,
                        torch.randn(rank, where.outputs, generator=random) * 0.01,
                    )
                    for site, where in bank.sites.items()
                },
            )

    def request(
        self, prompt: Sequence[int], tokens: int, adapter: str | None = None, name: str = "evidence"
    ) -> Request:
        """A request without end tokens, so that its answer has its full length."""
        work = Work(name, "evidence", prompt, tokens, adapter=adapter)
        return Request(work, self.runtime, self.core.clock())

    def _finished(self, requests: Sequence[Request]) -> list[Finish]:
        """Runs requests together until all have ended; how each did."""
        for request in requests:
            self.core.submit(request)
        finishes: list[Finish] = []
        while len(finishes) < len(requests):
            _, update = self._updates.get(timeout=_PATIENCE_SECONDS)
            if update.error:
                raise update.error
            if update.finish:
                finishes.append(update.finish)
        return finishes

    def _deliver(self, updates: Sequence[Update]) -> None:
        now = time.perf_counter()
        for update in updates:
            self._updates.put((now, update))


def _load(folder: Path, weights: Weights, device: str) -> Runtime:
    """As the engine's process loads a version, with the setting ``weights``."""
    files = {path.name: path for path in folder.iterdir()}
    precision = Precision.chosen(weights, device)
    model, kept = precision.load(catalog.load, files)
    ref = ModelRef("evidence", 1, "sha256:evidence")
    runtime = runtime_of(ref, "transformer", model, files, precision.of_pages(kept))
    runtime.weights = kept
    return runtime


def _speculate(runtime: Runtime, core: Core, folder: Path, method: str, guesses: int) -> None:
    """As the engine's process sets a version up, with the setting ``speculation``."""
    pairing = Pairing(Method.parse(method, guesses), core.scheduler.budget)
    if pairing.copies(runtime):
        runtime.copy = _load(folder, FEWEST_BITS, "cpu").model
    pairing.joined(runtime, [runtime])


if __name__ == "__main__":
    serve(Colonnade)
