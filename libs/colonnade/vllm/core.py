"""Where our own core stands for our own models: sequences go to vLLM, their tokens come back.

vLLM decides what runs when, in the order of the turns that it is given as priorities. Used on the event loop
alone.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from collections.abc import Sequence as Row
from contextlib import aclosing
from typing import cast

from colonnade.engine.core import Load, check_adapter
from colonnade.engine.ports import Deliver, Observe
from colonnade.engine.runtime import Runtime
from colonnade.engine.scheduler import Limits
from colonnade.engine.sequence import FinishReason, Sequence, Update
from colonnade.errors import ColonnadeError, Internal, InvalidArgument, NotFound, Overloaded, Unavailable
from colonnade.telemetry import get_logger
from colonnade.vllm.mapping import draw_of
from colonnade.vllm.model import ServedModel
from colonnade.vllm.ports import Died, Drawn, Refused

_LOG = get_logger(__name__)
_ENDS = {"stop": FinishReason.STOP, "length": FinishReason.LENGTH}
Witness = Callable[[Row[Sequence]], None]


class VllmCore:
    """Implements ``colonnade.engine.ports.Runner`` and ``Driver``."""

    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
        witness: Witness = lambda _: None,
    ) -> None:
        """``witness`` hears who is with vLLM whenever that changes."""
        self.limits, self.clock = limits, clock
        self.draining = False
        self.dead = asyncio.Event()
        """vLLM's process has ended: this one should too."""
        self._witness = witness
        self._deliver: Deliver = lambda _: None
        self._gate: deque[Sequence] = deque()
        """Those that wait for others to leave; mostly none."""
        self._jobs: dict[Sequence, asyncio.Task[None]] = {}
        """Those that are with vLLM."""
        self._deadlines: dict[Sequence, asyncio.TimerHandle] = {}
        self._preemptions = self._prefix_hit_tokens = 0

    def drive(self, deliver: Deliver, *, observe: Observe) -> "VllmCore":
        """Implements ``ports.Drive``; of vLLM's forwards nothing is observed."""
        self._deliver = deliver
        return self

    def start(self) -> None:
        """There is nothing to start: vLLM is started with a model."""

    def stop(self) -> None:
        """There is nothing left to end: ``VllmHost.close`` came first."""

    def check_room(self) -> None:
        if self.draining:
            raise Unavailable("the engine is shutting down", retry_after_seconds=1)
        capacity, most = self.limits.queue_capacity, self.limits.max_sequences
        waiting = len(self._jobs) + len(self._gate) - most
        if waiting >= capacity:
            raise Overloaded(
                f"the engine's queue is full: at most {capacity} may wait; try again shortly",
                limit=capacity,
                retry_after_seconds=max(1, min(60, math.ceil(waiting / most))),
            )

    def submit(self, sequence: Sequence) -> None:
        self.check_room()
        if sequence.runtime.retired:
            raise NotFound("the model was unloaded", field="model.digest")
        check_adapter(sequence.work.adapter, sequence.runtime)
        sequence.under_way = True
        sequence.runtime.active += 1
        self._watch_deadline(sequence)
        self._gate.append(sequence)
        self._let_in()

    def abort(self, *sequences: Sequence) -> None:
        for sequence in sequences:
            sequence.ending = FinishReason.CANCELLED
            self._end(sequence, FinishReason.CANCELLED)

    def retire(self, runtime: Runtime) -> bool:
        """Closes a model to new requests; False, and nothing done, if it has any that wait or run."""
        if not runtime.active:
            runtime.retired = True
        return runtime.retired

    def adapters_in_use(self) -> set[str]:
        """Digests of the adapters of all requests."""
        return {each.work.adapter for each in self._all() if each.work.adapter is not None}

    def drain(self) -> None:
        self.draining = True

    def load(self) -> Load:
        everyone = self._all()
        running = sum(each.running for each in everyone)
        held = round(max((self._share(each) for each in self._jobs), default=0.0) * self.limits.cache_bytes)
        return Load(
            running=running,
            waiting=len(everyone) - running,
            cache_bytes=held,
            cached_bytes=0,
            wasted_bytes=0,
            outstanding_tokens=sum(max(0, each.pending) + max(0, each.remaining) for each in everyone),
            prefix_hit_tokens=self._prefix_hit_tokens,
            preemptions=self._preemptions,
        )

    def fail_all(self, error: ColonnadeError) -> None:
        """Ends every request with ``error``."""
        self._gate, waiting = deque(), self._gate
        for sequence in (*waiting, *self._jobs):
            self._stop(sequence, Update(sequence, error=error))

    def die(self) -> None:
        """vLLM's process has ended. Who was with it stays noted, for the process after this one."""
        self._witness = lambda _: None
        self.dead.set()
        self.fail_all(Unavailable("vLLM has ended in the middle of its work", retry_after_seconds=5))

    def _all(self) -> list[Sequence]:
        return [*self._jobs, *self._gate]

    def _share(self, sequence: Sequence) -> float:
        return _model(sequence).backend.cache_share

    def _watch_deadline(self, sequence: Sequence) -> None:
        if sequence.work.deadline is not None:
            left = max(0.0, sequence.work.deadline - self.clock())
            self._deadlines[sequence] = asyncio.get_running_loop().call_later(
                left, self._end, sequence, FinishReason.DEADLINE
            )

    def _let_in(self) -> None:
        """A sequence that must run alone waits until it can, and those behind it wait for it."""
        while self._gate and self._may_enter(self._gate[0]):
            sequence = self._gate.popleft()
            self._jobs[sequence] = asyncio.create_task(self._answer(sequence))
            self._witness(list(self._jobs))

    def _may_enter(self, sequence: Sequence) -> bool:
        return not self._jobs or not (sequence.exclusive or any(each.exclusive for each in self._jobs))

    async def _answer(self, sequence: Sequence) -> None:
        try:
            model = _model(sequence)
            asked = draw_of(sequence, model.adapters.get(sequence.work.adapter or ""))
            async with aclosing(model.backend.draw(asked)) as drawn:
                async for news in drawn:
                    if self._take(sequence, news):
                        return
            raise Internal("vLLM left an answer without an end")
        except Refused as error:
            self._leave(sequence, Update(sequence, error=_refusal(error)))
        except Died:
            self.die()
        except ColonnadeError as error:
            self._leave(sequence, Update(sequence, error=error))
        except Exception:
            _LOG.exception("vLLM failed on a request")
            self._leave(sequence, Update(sequence, error=Internal("vLLM failed on the request")))

    def _take(self, sequence: Sequence, news: Drawn) -> bool:
        """Passes on what came; whether the answer is complete with it."""
        now = self.clock()
        if sequence.admitted is None:
            sequence.admitted = max(sequence.arrived, min(now, news.scheduled or now))
            sequence.running = True
            sequence.cached_prompt_tokens = news.cached_tokens
            self._prefix_hit_tokens += news.cached_tokens
        self._preemptions += max(0, news.preemptions - sequence.preemptions)
        sequence.preemptions = news.preemptions
        following = news.prompt[len(sequence.work.tokens) - 1 :]
        pieces, reason = sequence.take(following or news.tokens, now)
        sequence.stand_at(len(sequence.tokens))
        if reason is None and news.ended:
            if news.ended not in _ENDS:
                raise Internal(f"vLLM ended an answer: {news.ended}")
            reason = _ENDS[news.ended]
        if reason is None:
            self._deliver([Update(sequence, pieces)])
        else:
            rest = sequence.text.finish()
            self._leave(sequence, Update(sequence, [*pieces, *rest], sequence.finish(reason, now)))
        return reason is not None

    def _end(self, sequence: Sequence, reason: FinishReason) -> None:
        """Before its time."""
        if not sequence.under_way:
            return
        rest = sequence.text.finish()
        self._stop(sequence, Update(sequence, rest, sequence.finish(reason, self.clock())))

    def _stop(self, sequence: Sequence, last: Update) -> None:
        """vLLM hears of it by the end of the task."""
        task = self._jobs.get(sequence)
        self._leave(sequence, last)
        if task and task is not asyncio.current_task():
            task.cancel()

    def _leave(self, sequence: Sequence, last: Update) -> None:
        if not sequence.under_way:
            return
        sequence.under_way = sequence.running = False
        sequence.runtime.active -= 1
        if timer := self._deadlines.pop(sequence, None):
            timer.cancel()
        if sequence in self._gate:
            self._gate.remove(sequence)
        if self._jobs.pop(sequence, None):
            self._witness(list(self._jobs))
        self._deliver([last])
        self._let_in()


def _model(sequence: Sequence) -> ServedModel:
    return cast("ServedModel", sequence.runtime.model)


def _refusal(error: Refused) -> InvalidArgument:
    return InvalidArgument(f"vLLM does not take the request: {error}")
