"""The core, stepped by hand on a clock that counts steps: arrivals and cancels fall where the case says."""

from collections.abc import Mapping
from collections.abc import Sequence as Row

from colonnade.engine.core import Core
from colonnade.engine.runtime import Runtime
from colonnade.engine.scheduler import Limits
from colonnade.engine.sequence import Finish, Sequence, Update, Work
from tests.contract.engine.alone import grammar_of, sampling_of
from tests.contract.engine.cases import Answer, Ask
from tests.unit.engine.cache.audit import audit

LIMITS = Limits(queue_capacity=64, max_sequences=3, step_tokens=9, cache_bytes=48_000)
MAX_STEPS = 2_000


class SteppedCore:
    """Checks at each step that pages are where they belong and that the first in turn gets on."""

    def __init__(self, runtime: Runtime, limits: Limits = LIMITS) -> None:
        self.steps = 0
        self.runtime = runtime
        self.core = Core(limits, clock=lambda: float(self.steps))

    def answers(self, asks: Row[Ask]) -> list[Answer]:
        started: dict[Sequence, Ask] = {}
        pieces: dict[Sequence, list[tuple[int, str]]] = {}
        finished: dict[Sequence, Finish] = {}
        first = self.steps
        while len(finished) < len(asks):
            for ask in asks:
                if ask not in started.values() and self.steps - first >= ask.arrives:
                    sequence = self._submit(ask, started)
                    started[sequence], pieces[sequence] = ask, []
            for sequence, ask in started.items():
                enough = ask.leaves_after is not None and len(pieces[sequence]) >= ask.leaves_after
                late = ask.leaves_at is not None and self.steps - first >= ask.leaves_at
                if (enough or late) and sequence not in finished:
                    self.core.abort(sequence)
            for update in self._step():
                assert update.error is None, update.error
                pieces[update.sequence] += [(piece.token.id, piece.text) for piece in update.pieces]
                if update.finish:
                    finished[update.sequence] = update.finish
            self.steps += 1
            assert self.steps - first < MAX_STEPS, "the engine does not come to an end"
        by_ask = {ask: sequence for sequence, ask in started.items()}
        return [_answer(pieces[by_ask[ask]], finished[by_ask[ask]]) for ask in asks]

    def held(self) -> dict[str, int]:
        load = self.core.load()
        return {
            "requests": load.running + load.waiting + self.runtime.active,
            "tokens": load.outstanding_tokens,
            "held": load.cache_bytes,
            "wasted": load.wasted_bytes,
            "states": len(self.runtime.store),
        }

    def _step(self) -> list[Update]:
        scheduler = self.core.scheduler
        leaving = [each for each in (*scheduler.running, *scheduler.waiting) if each.ending]
        stood = {each: (each.committed, each.emitted) for each in scheduler.running if not each.ending}
        updates = self.core.step()
        audit(self.runtime.store)
        assert self.core.scheduler.budget.resident_bytes <= self.core.limits.cache_bytes
        assert not any(each.running or each in scheduler.waiting for each in leaving), "they leave at once"
        ran = {*stood, *scheduler.running, *(update.sequence for update in updates)} - {*leaving}
        first = min(ran, key=lambda each: each.turn, default=None)
        if first in stood:
            assert first.running or not first.under_way, "the first in turn never gives way"
            stands = (first.committed, first.emitted)
            assert stands != stood[first] or first.idle_steps, "the first in turn gets on"
        return updates

    def _submit(self, ask: Ask, started: Mapping[Sequence, Ask]) -> Sequence:
        tokens = self.runtime.tokenizer.encode(ask.prompt)
        work = Work(
            request_id=str(ask.arrives),
            tenant="test",
            tokens=tokens,
            max_tokens=min(ask.max_tokens, self.runtime.model.context_length - len(tokens)),
            sampling=sampling_of(ask),
            stop=ask.stop,
            stop_ids=self.runtime.stop_ids,
            priority=ask.priority,
            adapter=ask.adapter or None,
            grammar=grammar_of(ask, self.runtime),
        )
        leaders = [each for each, other in started.items() if ask.follows and other.prompt == ask.prompt]
        sequence = Sequence(work, self.runtime, float(self.steps), leader=leaders[-1] if leaders else None)
        self.core.submit(sequence)
        return sequence


def _answer(pieces: Row[tuple[int, str]], finish: Finish) -> Answer:
    tokens = tuple(token for token, _ in pieces)
    text = "".join(part for _, part in pieces)
    return Answer(tokens, text, finish.reason.value, finish.completion_tokens)
