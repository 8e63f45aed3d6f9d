"""Who runs next: one waiting queue, one running batch, one budget of state for all loaded models.

Requests leave the queue in the order of their turn, and none overtakes one that does not fit yet. Every
running sequence that generates gets its share of each step; prompts are worked off in chunks with what is
left of the step's tokens, the earliest first.
"""

import heapq
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from colonnade.engine.runtime import Runtime
from colonnade.engine.sequence import Sequence
from colonnade.engine.state import CacheBudget
from colonnade.errors import Overloaded, TooLarge


@dataclass(frozen=True, slots=True)
class Limits:
    queue_capacity: int = 256
    """Requests that may wait."""
    max_sequences: int = 32
    """Requests that run together."""
    step_tokens: int = 512
    """Tokens of one forward, about; prompts longer than that go in chunks."""
    cache_bytes: int = 1 << 30


class Scheduler:
    """Not thread-safe by itself: the core's lock guards ``add``, ``admit`` and ``drop_waiting``."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.budget = CacheBudget(limits.cache_bytes)
        self.running: list[Sequence] = []
        self._waiting: list[tuple[tuple[float, int], Sequence]] = []
        self._seconds_each = 1.0
        """How long a request runs, lately."""
        self._last = ""

    @property
    def waiting(self) -> list[Sequence]:
        return [sequence for _, sequence in self._waiting]

    def check_room(self) -> None:
        """Raises ``Overloaded`` if the queue is full."""
        if len(self._waiting) >= self.limits.queue_capacity:
            capacity = self.limits.queue_capacity
            raise Overloaded(
                f"the engine's queue is full: at most {capacity} may wait; try again shortly",
                limit=capacity,
                retry_after_seconds=self.retry_after(),
            )

    def add(self, sequence: Sequence) -> None:
        """Queues it. Raises ``Overloaded`` if the queue is full, ``TooLarge`` if it could never run."""
        self.check_room()
        size, limit = sequence.reserved_bytes, self.limits.cache_bytes
        if size > limit:
            raise TooLarge(
                f"prompt and max_tokens need {size} bytes of cache of {limit} in all; ask for fewer tokens",
                field="max_tokens", limit=limit, needed=size,
            )  # fmt: skip
        heapq.heappush(self._waiting, (sequence.turn, sequence))

    def retry_after(self) -> int:
        """Seconds until the queue has probably moved on."""
        rounds = len(self._waiting) / self.limits.max_sequences
        return max(1, min(60, math.ceil(rounds * self._seconds_each)))

    def admit(self, now: float) -> list[Sequence]:
        """Moves waiting requests into the batch, in order, as long as slots and bytes last."""
        admitted = []
        while self._waiting and len(self.running) < self.limits.max_sequences:
            sequence = self._waiting[0][1]
            if not self.budget.reserve(sequence.reserved_bytes):
                break
            heapq.heappop(self._waiting)
            sequence.runtime.store.open(sequence.handle, sequence.reserved_positions)
            sequence.admitted = now
            self.running.append(sequence)
            admitted.append(sequence)
        return admitted

    def drop_waiting(self, unwanted: Callable[[Sequence], bool]) -> list[Sequence]:
        """Takes requests out of the queue."""
        dropped = [sequence for _, sequence in self._waiting if unwanted(sequence)]
        if dropped:
            self._waiting = [entry for entry in self._waiting if entry[1] not in dropped]
            heapq.heapify(self._waiting)
        return dropped

    def leave(self, sequence: Sequence, now: float) -> None:
        """Takes a sequence out of the batch and frees its state at once."""
        self.running.remove(sequence)
        sequence.runtime.store.close(sequence.handle)
        self.budget.release(sequence.reserved_bytes)
        if sequence.admitted is not None:
            self._seconds_each += 0.1 * (now - sequence.admitted - self._seconds_each)

    def grants(self) -> list[tuple[Sequence, int]]:
        """The sequences of the next forward, all of one model, with the tokens each may plan."""
        runtime = self._next_runtime()
        mine = sorted((each for each in self.running if each.runtime is runtime), key=lambda each: each.turn)
        return list(self._share(mine, runtime.model.page_multiple)) if runtime else []

    def _share(self, sequences: list[Sequence], block: int) -> Iterator[tuple[Sequence, int]]:
        """Each generating sequence a block, then prompts, the earliest first and at least one of them."""
        left = self.limits.step_tokens
        for sequence in sequences:
            if sequence.pending <= block:
                left -= block
                yield sequence, block
        first = True
        for sequence in sequences:
            if sequence.pending > block and (first or left >= block):
                grant = max(block, min(sequence.pending, left))
                left -= grant
                first = False
                yield sequence, grant

    def _next_runtime(self) -> Runtime | None:
        """Models with running sequences take turns."""
        present = list(dict.fromkeys(sequence.runtime for sequence in self.running))
        if not present:
            return None
        digests = [runtime.ref.digest for runtime in present]
        after = digests.index(self._last) + 1 if self._last in digests else 0
        chosen = present[after % len(present)]
        self._last = chosen.ref.digest  # not the runtime itself: it would keep an unloaded model alive
        return chosen
