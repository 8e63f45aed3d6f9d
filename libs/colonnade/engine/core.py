"""What happens between two forwards: who leaves, who joins, who runs.

``step`` and ``fail_all`` belong to one thread (``loop``), or to a test that steps by hand on its own clock.
Everything else may be called from any thread.
"""

import threading
import time
from collections.abc import Callable
from collections.abc import Sequence as Row
from dataclasses import dataclass

from colonnade.engine import step as stepping
from colonnade.engine.runtime import Runtime
from colonnade.engine.scheduler import Limits, Scheduler
from colonnade.engine.sequence import Finish, FinishReason, Sequence, Update
from colonnade.engine.text import Piece
from colonnade.errors import ColonnadeError, NotFound, Unavailable
from colonnade.models.adapters import bank_of


@dataclass(frozen=True, slots=True)
class Load:
    """The engine's load at one moment."""

    running: int
    waiting: int
    cache_bytes: int
    """Held by sequences now."""
    cached_bytes: int
    """Of free pages whose content can still be shared."""
    wasted_bytes: int
    """Of what is held: places that no position fills yet."""
    outstanding_tokens: int
    """Tokens that all requests may still process and generate."""
    prefix_hit_tokens: int
    """Prompt tokens that were not worked off again, since the start."""
    preemptions: int
    """Since the start."""


class Core:
    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
        witness: Callable[[Row[Sequence]], None] = lambda _: None,
    ) -> None:
        """``witness`` hears who is in each forward before it begins, and of nobody when it has ended."""
        self.limits = limits
        self.clock = clock
        self._witness = witness
        self.scheduler = Scheduler(limits)
        self.draining = False
        self.last_batch = 0
        """Sequences in the latest forward."""
        self._changed = threading.Condition()  # a re-entrant lock
        self.stopped = False

    def check_room(self) -> None:
        """Raises what ``submit`` would for any request: worth asking before a long text is encoded."""
        with self._changed:
            if self.draining:
                raise Unavailable("the engine is shutting down", retry_after_seconds=1)
            self.scheduler.check_room()

    def submit(self, sequence: Sequence) -> None:
        """Queues a request. Raises ``Unavailable``, ``NotFound``, ``Overloaded`` or ``TooLarge``."""
        with self._changed:
            self.check_room()
            if sequence.runtime.retired:
                raise NotFound("the model was unloaded", field="model.digest")
            check_adapter(sequence.work.adapter, sequence.runtime)
            self.scheduler.add(sequence)
            sequence.runtime.active += 1
            self._changed.notify_all()

    def abort(self, *sequences: Sequence) -> None:
        """Has requests dropped before the next forward; they finish as cancelled."""
        for sequence in sequences:
            sequence.ending = FinishReason.CANCELLED
        self.wake()

    def retire(self, runtime: Runtime) -> bool:
        """Closes a model to new requests; False, and nothing done, if it has any that wait or run."""
        with self._changed:
            if not runtime.active and not runtime.retired:
                runtime.retired = True
                runtime.store.leave()
            return runtime.retired

    def adapters_in_use(self) -> set[str]:
        """Digests of the adapters of all requests."""
        with self._changed:
            return {each.work.adapter for each in self._all() if each.work.adapter is not None}

    def retire_adapter(self, runtime: Runtime, digest: str) -> bool:
        """Takes an adapter from its model; False, and nothing done, if any request uses it."""
        with self._changed:
            if digest in self.adapters_in_use():
                return False
            if bank := bank_of(runtime.model):
                bank.remove(digest)
            return True

    def drain(self) -> None:
        """Refuses new requests from now on."""
        self.draining = True

    def stop(self) -> None:
        """Makes ``wait`` answer False from now on."""
        with self._changed:
            self.stopped = True
            self._changed.notify_all()

    def wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def load(self) -> Load:
        with self._changed:
            scheduler, everyone = self.scheduler, self._all()
            return Load(
                running=len(scheduler.running),
                waiting=len(scheduler.waiting),
                cache_bytes=scheduler.budget.held_bytes,
                cached_bytes=scheduler.budget.cached_bytes,
                wasted_bytes=scheduler.budget.wasted_bytes,
                outstanding_tokens=sum(max(0, each.pending) + max(0, each.remaining) for each in everyone),
                prefix_hit_tokens=scheduler.prefix_hit_tokens,
                preemptions=scheduler.preemptions,
            )

    def wait(self) -> bool:
        """Sleeps until there is something to do; False once stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self.stopped or self.scheduler.running or self.scheduler.waiting)
            return not self.stopped

    def step(self) -> list[Update]:
        """Drops who must go, admits who fits, and runs one forward."""
        now = self.clock()
        with self._changed:
            updates = [self._end(each, _reason(each, now), now) for each in self._unwanted(now)]
            self.scheduler.admit(now)
            grants = self.scheduler.grants()
        self.last_batch = len(grants)
        self._witness([sequence for sequence, _ in grants])
        try:
            outcomes = stepping.run(grants)
        finally:
            self._witness(())
        now = self.clock()
        with self._changed:
            return updates + [self._settle(outcome, now) for outcome in outcomes]

    def fail_all(self, error: ColonnadeError) -> list[Update]:
        """Ends every request with ``error``: the last resort of a loop that cannot go on."""
        with self._changed:
            dropped = self.scheduler.drop_waiting(lambda _: True)
            return [self._fail(each, error) for each in (*dropped, *self.scheduler.running[:])]

    def _all(self) -> list[Sequence]:
        return [*self.scheduler.running, *self.scheduler.waiting]

    def _unwanted(self, now: float) -> list[Sequence]:
        """Those that were aborted or are overdue; the waiting ones are out of the queue already."""

        def unwanted(sequence: Sequence) -> bool:
            return sequence.ending is not None or sequence.overdue(now)

        return [*filter(unwanted, self.scheduler.running), *self.scheduler.drop_waiting(unwanted)]

    def _settle(self, outcome: stepping.Outcome, now: float) -> Update:
        sequence = outcome.sequence
        if outcome.error:
            return self._fail(sequence, outcome.error)
        try:
            pieces, reason = sequence.take(outcome.step.emit, now)
        except Exception as error:
            return self._fail(sequence, stepping.fault(sequence, error, "text"))
        if reason is None and outcome.step.done:
            reason = FinishReason.STOP
        return Update(sequence, pieces) if reason is None else self._end(sequence, reason, now, pieces)

    def _end(
        self, sequence: Sequence, reason: FinishReason, now: float, pieces: list[Piece] | None = None
    ) -> Update:
        rest = sequence.text.finish()
        self._leave(sequence, now)
        finish: Finish = sequence.finish(reason, now)
        return Update(sequence, [*(pieces or []), *rest], finish)

    def _fail(self, sequence: Sequence, error: ColonnadeError) -> Update:
        self._leave(sequence, self.clock())
        return Update(sequence, error=error)

    def _leave(self, sequence: Sequence, now: float) -> None:
        sequence.under_way = False
        if sequence.running:
            self.scheduler.leave(sequence, now)
        sequence.runtime.active -= 1


def check_adapter(digest: str | None, runtime: Runtime) -> None:
    """Raises ``NotFound`` for an adapter that the model has not in memory."""
    bank = bank_of(runtime.model)
    if digest is not None and (bank is None or digest not in bank):
        raise NotFound("the adapter is not loaded; load it first", field="model.adapter")


def _reason(sequence: Sequence, now: float) -> FinishReason:
    return sequence.ending or FinishReason.DEADLINE
