"""Who runs next: one waiting queue, one running batch, one budget of state for all loaded models.

Requests leave the queue in the order of their turn, and none overtakes one that does not fit yet. A request
that runs takes pages as it grows. When there are none left, the last in turn gives way: it returns its pages
and waits in its old place, to be worked off again later. Nobody gives way to one that comes later, and those
that cannot be worked off again hold their largest size from the beginning. So the first in turn always gets
on, and with it, one after the other, everyone.

Every running sequence that generates gets its share of each step; prompts are worked off in chunks with what
is left of the step's tokens, the earliest first.
"""

import math
from bisect import insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from colonnade.engine.cache import CacheBudget
from colonnade.engine.sequence import Sequence
from colonnade.errors import Overloaded, TooLarge

Grant = tuple[Sequence, int]
Group = tuple[str, int]
"""Those that may share a forward: of one model, or one alone, by its handle."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a sequence would plan in the next step."""

    sequence: Sequence
    tokens: int
    extra: int = 0
    """Tokens beyond those, if there is room."""


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
    """Not thread-safe by itself: the core's lock guards every call."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.budget = CacheBudget(limits.cache_bytes)
        self.running: list[Sequence] = []
        self.waiting: list[Sequence] = []
        """In the order of their turns."""
        self.preemptions = 0
        self.prefix_hit_tokens = 0
        self._seconds_each = 1.0
        """How long a request runs, lately."""
        self._served: dict[Group, int] = {}
        """The step in which each group that is present was last served."""
        self._step = 0

    def check_room(self) -> None:
        """Raises ``Overloaded`` if the queue is full."""
        if len(self.waiting) >= self.limits.queue_capacity:
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
        sequence.runtime.store.join(self.budget)
        sequence.under_way = True
        insort(self.waiting, sequence, key=_turn)

    def retry_after(self) -> int:
        """Seconds until the queue has probably moved on."""
        rounds = len(self.waiting) / self.limits.max_sequences
        return max(1, min(60, math.ceil(rounds * self._seconds_each)))

    def admit(self, now: float) -> list[Sequence]:
        """Moves waiting requests into the batch, in order, as long as slots and pages last."""
        admitted: list[Sequence] = []
        for sequence in self.waiting:
            if len(self.running) == self.limits.max_sequences:
                break
            if not sequence.follows:
                if not self._fits(sequence):
                    break
                self._enter(sequence, now)
                admitted.append(sequence)
        if admitted:
            self.waiting = [each for each in self.waiting if not each.running]
        return admitted

    def drop_waiting(self, unwanted: Callable[[Sequence], bool]) -> list[Sequence]:
        """Takes requests out of the queue."""
        dropped = [sequence for sequence in self.waiting if unwanted(sequence)]
        if dropped:
            gone = set(dropped)
            self.waiting = [sequence for sequence in self.waiting if sequence not in gone]
        return dropped

    def leave(self, sequence: Sequence, now: float) -> None:
        """Takes a sequence out of the batch and frees its state at once."""
        self._remove(sequence)
        if sequence.admitted is not None:
            self._seconds_each += 0.1 * (now - sequence.admitted - self._seconds_each)

    def grants(self) -> list[Grant]:
        """The sequences of the next forward, with the tokens each may plan; they hold pages for those."""
        self._step += 1
        groups: dict[Group, list[Sequence]] = {}
        for sequence in sorted(self.running, key=_turn):
            groups.setdefault(_group(sequence), []).append(sequence)
        self._served = {group: self._served.get(group, 0) for group in groups}
        for group in sorted(groups, key=self._served.__getitem__):
            granted = self._secured(list(self._share(groups[group])))
            if granted:
                self._served[group] = self._step
                return granted
        return []

    def _fits(self, sequence: Sequence) -> bool:
        """Whether there is room for its prompt, besides what those that run lack or will take soon."""
        store = sequence.runtime.store
        if store.recomputable:
            wanted = store.bytes_to_open(sequence.frontier, sequence.chain, sequence.reusable)
        else:
            wanted = sequence.reserved_bytes
        soon = sum(each.runtime.store.bytes_to_extend(each.handle, each.frontier) for each in self.running)
        while wanted + soon > self.budget.available_bytes:
            if not self.budget.forgo():
                return False
        return True

    def _enter(self, sequence: Sequence, now: float) -> None:
        store = sequence.runtime.store
        opened = store.open(sequence.handle, sequence.reserved_positions, sequence.chain)
        if not store.recomputable:
            opened = opened and store.extend(sequence.handle, sequence.reserved_positions)
        assert opened, "there is room, as was checked"
        self.prefix_hit_tokens += sequence.reuse()
        sequence.admitted = now if sequence.admitted is None else sequence.admitted
        sequence.running, sequence.leader = True, None
        self.running.append(sequence)

    def _remove(self, sequence: Sequence) -> None:
        self.running.remove(sequence)
        sequence.running = False
        if sequence.runtime.speculation:
            sequence.runtime.speculation.leave(sequence.handle)
        sequence.runtime.store.close(sequence.handle)

    def _share(self, sequences: list[Sequence]) -> Iterator[Wish]:
        """Each generating sequence a block, then prompts, the earliest first and at least one of them; what
        is left goes to those that look ahead."""
        left, block = self.limits.step_tokens, sequences[0].runtime.model.page_multiple
        for sequence in sequences:
            if sequence.pending > block:
                self.prefix_hit_tokens += sequence.reuse()
        generating = [sequence for sequence in sequences if sequence.pending <= block]
        left -= block * len(generating)
        first = True
        for sequence in sequences:
            if sequence.pending > block:
                grant = sequence.pending if sequence.whole else max(block, min(sequence.pending, left))
                if first or grant <= left:
                    left -= grant
                    first = False
                    yield Wish(sequence, grant)
        for sequence in generating:
            extra = max(0, min(sequence.lookahead, left))
            left -= extra
            yield Wish(sequence, block, extra)

    def _secured(self, wishes: list[Wish]) -> list[Grant]:
        """Has each sequence hold pages for what it was granted, those before at the cost of those after."""
        granted: dict[Sequence, int] = {}
        for wish in sorted(wishes, key=lambda wish: wish.sequence.turn):
            if not wish.sequence.running:
                continue  # it gave way a moment ago
            if self._extend(wish.sequence, wish.tokens):
                granted[wish.sequence] = wish.tokens
        for wish in wishes:  # only now: nobody gives way to a guess
            if wish.sequence in granted and _held(wish.sequence, wish.tokens + wish.extra):
                granted[wish.sequence] += wish.extra
        return list(granted.items())

    def _extend(self, sequence: Sequence, tokens: int) -> bool:
        """Takes pages for the next ``tokens``, if need be from those that come later."""
        while not _held(sequence, tokens):
            if self.budget.forgo():
                continue
            later = [each for each in self.running if each.turn > sequence.turn]
            victims = [each for each in later if each.runtime.store.recomputable]
            if not victims:
                return False
            self._preempt(max(victims, key=_turn))
        return True

    def _preempt(self, sequence: Sequence) -> None:
        """Takes the state of a sequence away and has it wait in its old place."""
        self._remove(sequence)
        sequence.committed = 0
        sequence.preemptions += 1
        self.preemptions += 1
        insort(self.waiting, sequence, key=_turn)


def _turn(sequence: Sequence) -> tuple[float, int]:
    return sequence.turn


def _group(sequence: Sequence) -> Group:
    return sequence.runtime.ref.digest, sequence.handle if sequence.exclusive else 0


def _held(sequence: Sequence, tokens: int) -> bool:
    """Whether it holds pages for its next ``tokens``, after taking what is free."""
    end = min(sequence.committed + tokens, sequence.reserved_positions)
    return sequence.runtime.store.extend(sequence.handle, end)
