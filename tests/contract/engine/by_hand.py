"""The core, stepped by hand on a clock that counts steps: arrivals and cancels fall where the case says."""

from collections.abc import Sequence as Row

from colonnade.engine.core import Core
from colonnade.engine.runtime import Runtime
from colonnade.engine.scheduler import Limits
from colonnade.engine.sequence import Finish, Sequence, Work
from tests.contract.engine.alone import sampling_of
from tests.contract.engine.cases import Answer, Ask

LIMITS = Limits(queue_capacity=64, max_sequences=3, step_tokens=9, cache_bytes=48_000)
MAX_STEPS = 2_000


class SteppedCore:
    def __init__(self, runtime: Runtime, limits: Limits = LIMITS) -> None:
        self.steps = 0
        self._runtime = runtime
        self.core = Core(limits, clock=lambda: float(self.steps))

    def answers(self, asks: Row[Ask]) -> list[Answer]:
        started: dict[Sequence, Ask] = {}
        pieces: dict[Sequence, list[tuple[int, str]]] = {}
        finished: dict[Sequence, Finish] = {}
        first = self.steps
        while len(finished) < len(asks):
            for ask in asks:
                if ask not in started.values() and self.steps - first >= ask.arrives:
                    sequence = self._submit(ask)
                    started[sequence], pieces[sequence] = ask, []
            for sequence, ask in started.items():
                if ask.leaves_after is not None and len(pieces[sequence]) >= ask.leaves_after:
                    self.core.abort(sequence)
            for update in self.core.step():
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
            "requests": load.running + load.waiting + self._runtime.active,
            "tokens": load.outstanding_tokens,
            "held": load.cache_bytes,
            "wasted": load.wasted_bytes,
            "states": len(self._runtime.store),
        }

    def _submit(self, ask: Ask) -> Sequence:
        tokens = self._runtime.tokenizer.encode(ask.prompt)
        work = Work(
            request_id=str(ask.arrives),
            tenant="test",
            tokens=tokens,
            max_tokens=min(ask.max_tokens, self._runtime.model.context_length - len(tokens)),
            sampling=sampling_of(ask),
            stop=ask.stop,
            stop_ids=self._runtime.stop_ids,
            priority=ask.priority,
        )
        sequence = Sequence(work, self._runtime, float(self.steps))
        self.core.submit(sequence)
        return sequence


def _answer(pieces: Row[tuple[int, str]], finish: Finish) -> Answer:
    tokens = tuple(token for token, _ in pieces)
    text = "".join(part for _, part in pieces)
    return Answer(tokens, text, finish.reason.value, finish.completion_tokens)
