from dataclasses import replace
from typing import Any

import pytest
import torch

from colonnade.engine import step as stepping
from colonnade.engine.core import Core
from colonnade.engine.scheduler import Limits
from colonnade.engine.sequence import FinishReason, Sequence
from colonnade.errors import Internal, InvalidArgument, NotFound, Unavailable
from colonnade.models.decoding import AutoregressiveDecoder
from colonnade.models.protocol import Batch, Outputs, Sampler, SequenceView, Span, State, Step
from tests.unit.engine.toys.autoregressive import Autoregressive
from tests.unit.engine.toys.block_diffusion import BLOCK, BlockDecoder
from tests.unit.engine.toys.loaded import runtime
from tests.unit.engine.toys.odd import Poisonable
from tests.unit.engine.work import Clock, finish_all, ids_of, last_of, sequence

RUNTIME = runtime()


def _core() -> tuple[Core, Clock]:
    clock = Clock()
    return Core(Limits(max_sequences=4, step_tokens=16, queue_capacity=8), clock), clock


def _empty(core: Core) -> None:
    load = core.load()
    assert (load.running, load.waiting, load.cache_bytes, load.wasted_bytes, load.outstanding_tokens) == (
        0,
    ) * 5
    assert RUNTIME.active == 0


def _alone(each: Sequence) -> list[int]:
    core, _ = _core()
    again = Sequence(replace(each.work), each.runtime, 0.0)
    core.submit(again)
    return ids_of(finish_all(core), again)


def test_a_poison_request_fails_alone() -> None:
    poisonable = runtime(model=Poisonable())
    core, _ = _core()
    good = [sequence(poisonable, text, 6) for text in ("one", "two")]
    bad = sequence(poisonable, "th!ree", 6)
    for each in (good[0], bad, good[1]):
        core.submit(each)
    updates = finish_all(core)
    error = last_of(updates, bad).error
    assert isinstance(error, Internal)
    assert "/root" not in error.message
    assert [ids_of(updates, each) for each in good] == [_alone(each) for each in good]
    _empty(core)


@pytest.mark.parametrize(
    "where", ["plan", "absorb", "long", "elsewhere", "vocabulary", "want", "commit", "rewind"]
)
def test_a_faulty_decoder_fails_alone(where: str) -> None:
    class Faulty(AutoregressiveDecoder):
        def plan(self, sequence: SequenceView, budget: int) -> Span:
            span = super().plan(sequence, budget)
            wrong: dict[str, Any] = {
                "long": {"tokens": [0] * (budget + 1)},
                "elsewhere": {"start": span.start + 1},
                "vocabulary": {"tokens": [10**6], "want": (), "commit": 0},
                "want": {"want": (len(span.tokens),)},
                "commit": {"commit": len(span.tokens) + 1},
            }
            if where == "plan":
                raise ZeroDivisionError
            return replace(span, **wrong.get(where, {}))

        def absorb(self, sequence: SequenceView, span: Span, outputs: Outputs, sample: Sampler) -> Step:
            if where == "absorb":
                raise InvalidArgument("a known error", field="x")
            return Step(rewind_to=99)

    core, _ = _core()
    good, bad = sequence(RUNTIME, "fine", 4), sequence(RUNTIME, "bad", 4, decoder=Faulty())
    core.submit(bad)
    core.submit(good)
    updates = finish_all(core)
    expected = InvalidArgument if where == "absorb" else Internal
    assert isinstance(last_of(updates, bad).error, expected)
    assert ids_of(updates, good) == _alone(good)
    _empty(core)


def test_a_decoder_that_never_gets_anywhere_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    class Idle(AutoregressiveDecoder):
        def plan(self, sequence: SequenceView, budget: int) -> Span:
            return replace(super().plan(sequence, budget), commit=0, want=())

    monkeypatch.setattr(stepping, "STALLED", 20)
    core, _ = _core()
    stuck = sequence(RUNTIME, "x", 4, decoder=Idle())
    core.submit(stuck)
    assert isinstance(last_of(finish_all(core), stuck).error, Internal)
    _empty(core)


def test_going_back_decides_again_from_there() -> None:
    class Hesitant(AutoregressiveDecoder):
        hesitated = False

        def absorb(self, sequence: SequenceView, span: Span, outputs: Outputs, sample: Sampler) -> Step:
            if len(sequence.tokens) == 6 and not self.hesitated:
                self.hesitated = True
                return Step(rewind_to=2)
            return super().absorb(sequence, span, outputs, sample)

    core, _ = _core()
    hesitant = sequence(RUNTIME, "abc", 6, decoder=Hesitant())
    core.submit(hesitant)
    assert ids_of(finish_all(core), hesitant) == _alone(hesitant)


def test_a_cancelled_request_frees_its_state_before_the_next_forward() -> None:
    core, _ = _core()
    leaving, staying = sequence(RUNTIME, "a", 20), sequence(RUNTIME, "b", 20)
    for each in (leaving, staying):
        core.submit(each)
    core.step()
    core.abort(leaving)
    updates = core.step()
    finish = last_of(updates, leaving).finish
    assert finish is not None
    assert (finish.reason, finish.completion_tokens) == (FinishReason.CANCELLED, 1)
    assert core.load().cache_bytes == RUNTIME.store.bytes_for(staying.committed)
    assert core.last_batch == 1
    finish_all(core)
    _empty(core)


def test_deadlines_drop_those_who_run_and_those_who_wait() -> None:
    clock = Clock()
    core = Core(Limits(max_sequences=1), clock)
    running, waiting = sequence(RUNTIME, "a", 50, deadline=5.0), sequence(RUNTIME, "b", 5, deadline=4.0)
    for each in (running, waiting):
        core.submit(each)
    core.step()
    clock.now = 4.5
    finish = last_of(core.step(), waiting).finish
    assert finish is not None
    assert (finish.reason, finish.completion_tokens, finish.queue_seconds) == (FinishReason.DEADLINE, 0, 4.5)
    clock.now = 5.0
    finish = last_of(core.step(), running).finish
    assert finish is not None
    assert (finish.reason, finish.completion_tokens) == (FinishReason.DEADLINE, 2)
    _empty(core)


def test_an_end_token_ends_and_counts_but_shows_nothing() -> None:
    core, _ = _core()
    free = sequence(RUNTIME, "q", 12)
    end = _alone(free)[3]
    cut = sequence(RUNTIME, "q", 12, stop_ids=frozenset({end}))
    core.submit(cut)
    updates = finish_all(core)
    ids = _alone(free)[: _alone(free).index(end) + 1]
    assert ids_of(updates, cut) == ids
    finish = last_of(updates, cut).finish
    assert finish is not None
    assert (finish.reason, finish.completion_tokens) == (FinishReason.STOP, len(ids))
    assert last_of(updates, cut).pieces[-1].text == ""


def test_blocks_are_decided_out_of_order_and_emitted_whole() -> None:
    diffusion = runtime("block_diffusion")
    decoder = BlockDecoder()
    core, _ = _core()
    asked = sequence(diffusion, "prompt", 2 * BLOCK + 2, decoder=decoder)
    core.submit(asked)
    sizes = []
    while core.scheduler.running or core.scheduler.waiting:
        before = asked.emitted
        core.step()
        if asked.emitted > before:
            sizes.append(asked.emitted - before)
    assert sizes == [BLOCK, BLOCK, 2]
    assert decoder.order != sorted(decoder.order), "decided from left to right by accident"
    assert sorted(decoder.order) == list(range(6, 6 + 2 * BLOCK + 2))


def test_tokens_leave_at_different_depths() -> None:
    core, _ = _core()
    asked = sequence(runtime("early_exit"), "depths", 30)
    core.submit(asked)
    pieces = [piece for update in finish_all(core) for piece in update.pieces]
    assert len({piece.token.depth for piece in pieces}) >= 2


def test_draining_and_retiring_refuse_what_comes_later() -> None:
    mine = runtime()
    core, _ = _core()
    under_way = sequence(mine, "a", 3)
    core.submit(under_way)
    assert not core.retire(mine), "it has a request"
    finish_all(core)
    assert core.retire(mine)
    with pytest.raises(NotFound):
        core.submit(sequence(mine))
    core.drain()
    with pytest.raises(Unavailable):
        core.submit(sequence(RUNTIME))


def test_failing_everything_frees_everything() -> None:
    core, _ = _core()
    for number in range(6):
        core.submit(sequence(RUNTIME, "x" * (number + 1), 9))
    core.step()
    updates = core.fail_all(Internal("gone"))
    assert len(updates) == 6
    assert all(update.error for update in updates)
    _empty(core)


def test_a_model_that_is_broken_for_all_fails_all() -> None:
    class Broken(Autoregressive):
        def forward(self, batch: Batch, state: State) -> Outputs:
            return Outputs(torch.full((len(batch.want_W), 260), torch.nan))

    broken = runtime(model=Broken())
    core, _ = _core()
    for text in ("a", "b"):
        core.submit(sequence(broken, text))
    assert all(isinstance(update.error, Internal) for update in finish_all(core))
    assert core.load().cache_bytes == 0
