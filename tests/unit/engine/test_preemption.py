"""Who gives way to whom when pages run out, and what may share a forward."""

from typing import Any

import pytest
import torch

from colonnade.engine.core import Core
from colonnade.engine.kernels.attention import PAGE
from colonnade.engine.runtime import Runtime
from colonnade.engine.scheduler import Limits, Scheduler
from colonnade.engine.scoring import ScoreDecoder
from colonnade.engine.sequence import FinishReason, Sequence, Work
from colonnade.errors import Internal
from colonnade.models.protocol import Batch, Outputs, Sampler, SequenceView, Span, State, Step
from tests.unit.engine.toys.autoregressive import Autoregressive
from tests.unit.engine.toys.loaded import runtime
from tests.unit.engine.toys.odd import Poisonable
from tests.unit.engine.toys.reserving import Reserving
from tests.unit.engine.work import Clock, finish_all, ids_of, last_of, sequence


def _core(mine: Runtime, pages: int, **limits: Any) -> Core:
    return Core(Limits(cache_bytes=pages * mine.store.page_bytes, **limits), Clock())


def _submit(core: Core, *sequences: Sequence) -> None:
    for each in sequences:
        core.submit(each)


def test_the_last_in_turn_gives_way_and_comes_back_to_its_old_place() -> None:
    mine = runtime()
    core = _core(mine, 5)
    first, last = (sequence(mine, "a" * PAGE, 50, arrived=float(at)) for at in (0, 1))
    _submit(core, last, first)
    while not last.preemptions:
        core.step()
    assert core.scheduler.waiting == [last]
    assert (last.committed, last.handle in mine.store._sequences, last.preemptions) == (0, False, 1)
    later = sequence(mine, "b", 5, arrived=2.0)
    _submit(core, later)
    assert core.scheduler.waiting == [last, later], "nobody overtakes who gave way"
    emitted = last.emitted
    updates = finish_all(core)
    assert last.emitted == 50 > emitted > 0
    finish = last_of(updates, last).finish
    assert finish is not None
    assert (finish.preemptions, finish.reason) == (1, FinishReason.LENGTH)
    assert core.load().preemptions == 1


def test_nobody_gives_way_to_one_that_comes_later() -> None:
    mine = runtime()
    core = _core(mine, 6)
    early = sequence(mine, "a" * PAGE, 60)
    late = sequence(mine, "b" * PAGE, 60, arrived=1.0)
    _submit(core, early, late)
    while early.under_way:
        core.step()
        assert early.preemptions == 0
    finish_all(core)


def test_a_preempted_request_begins_again_with_its_own_pages() -> None:
    """What it held is still there when it comes back, unless somebody needed it."""
    mine = runtime()
    core = _core(mine, 6)
    first, last = (sequence(mine, "a" * PAGE, 40, arrived=float(at)) for at in (0, 1))
    _submit(core, first, last)
    while not last.preemptions:
        core.step()
    full = last.furthest // PAGE
    core.abort(first)
    core.step()
    assert last.committed >= (full - 1) * PAGE
    assert last.cached_prompt_tokens == 0, "what it had worked off itself was not saved to it"
    finish_all(core)


def test_models_make_room_for_each_other() -> None:
    one, other = runtime(), runtime("transformer")
    core = Core(Limits(cache_bytes=7 * max(one.store.page_bytes, other.store.page_bytes)), Clock())
    first = sequence(one, "a" * PAGE, 60)
    last = sequence(other, "b" * PAGE, 60, arrived=1.0)
    _submit(core, first, last)
    updates = finish_all(core)
    assert core.load().preemptions >= 1
    assert first.preemptions == 0
    for each in (first, last):
        alone = sequence(each.runtime, "ab"[each is last] * PAGE, 60)
        apart = Core(Limits(), Clock())
        apart.submit(alone)
        assert ids_of(finish_all(apart), alone) == ids_of(updates, each)


def test_families_that_cannot_be_worked_off_again_hold_all_they_may_need() -> None:
    mine = runtime(model=Reserving())
    core = _core(mine, 7)
    first, last = (sequence(mine, "a" * PAGE, 2 * PAGE, arrived=float(at)) for at in (0, 1))
    _submit(core, first, last)
    core.step()
    assert core.load().cache_bytes == 2 * mine.store.bytes_for(3 * PAGE)
    third = sequence(mine, "a", PAGE, arrived=2.0)
    _submit(core, third)
    core.step()
    assert not third.running
    finish_all(core)
    assert core.load().preemptions == 0


def test_state_that_only_saves_work_goes_before_anyone_gives_way() -> None:
    mine = runtime()
    core = _core(mine, 6)
    first, last = (sequence(mine, "a" * (PAGE - 1), 30, arrived=float(at)) for at in (0, 1))
    _submit(core, first, last)
    core.step()
    extra = runtime("transformer").store
    extra.join(core.scheduler.budget)
    assert extra.open(1, 1000)
    while extra.extend(1, (extra[1].count + 1) * PAGE):
        pass

    def forgo() -> bool:
        held = len(extra)
        extra.close(1)
        return held > 0

    core.scheduler.budget.may_forgo(forgo)
    while len(extra):
        core.step()
        assert core.load().preemptions == 0
    finish_all(core)


def test_state_that_only_saves_work_keeps_nobody_out_of_an_idle_engine() -> None:
    mine = runtime()
    core = _core(mine, 6)
    extra, held = runtime().store, [1]
    extra.join(core.scheduler.budget)
    assert extra.open(1, 3 * PAGE)
    assert extra.extend(1, 3 * PAGE)

    def forgo() -> bool:
        extra.close(1)
        return bool(held and held.pop())

    core.scheduler.budget.may_forgo(forgo)
    _submit(core, sequence(mine, "a" * 4 * PAGE, 5))
    finish_all(core)


def test_a_cancel_frees_pages_for_the_very_next_forward() -> None:
    mine = runtime()
    core = _core(mine, 6)
    first = sequence(mine, "a" * 4 * PAGE, 20)
    waiting = sequence(mine, "b" * 4 * PAGE, 20, arrived=1.0)
    _submit(core, first, waiting)
    core.step()
    assert not waiting.running
    core.abort(first)
    core.step()
    assert waiting.running
    assert waiting.committed > 0
    finish_all(core)


def test_scores_are_told_once_each_even_after_giving_way() -> None:
    mine = runtime()
    tokens = [10 + number % 7 for number in range(70)]

    def score() -> Sequence:
        work = Work("score", "tenant", tokens[:3], max_tokens=len(tokens) - 3)
        decoder = ScoreDecoder(tokens[:3], tokens[3:])
        return Sequence(work, mine, 1.0, decoder=decoder, known=len(tokens) - 1)

    def scored(core: Core, each: Sequence) -> list[float]:
        pieces = [piece for update in finish_all(core) if update.sequence is each for piece in update.pieces]
        assert [piece.token.id for piece in pieces] == tokens[3:]
        return [piece.token.logprob or 0.0 for piece in pieces]

    core = _core(mine, 7, step_tokens=5)
    asked = score()
    _submit(core, sequence(mine, "a" * PAGE, 60), asked)
    disturbed = scored(core, asked)
    assert asked.preemptions > 0
    again = score()
    core.submit(again)
    assert scored(core, again) == pytest.approx(disturbed, abs=1e-4)


def test_a_poison_request_spoils_no_shared_page() -> None:
    mine = runtime(model=Poisonable())
    core = Core(Limits(step_tokens=16), Clock())
    beginning = "the same beginning for all, long enough "
    good = [sequence(mine, beginning + text, 6) for text in ("one", "two")]
    bad = sequence(mine, beginning + "!", 6)
    _submit(core, good[0], bad, good[1])
    updates = finish_all(core)
    assert isinstance(last_of(updates, bad).error, Internal)
    again = sequence(mine, beginning + "one", 6)
    core.submit(again)
    assert ids_of(finish_all(core), again) == ids_of(updates, good[0])
    assert again.cached_prompt_tokens == 2 * PAGE


def test_followers_wait_for_their_leaders_prompt_and_hold_up_nobody() -> None:
    mine = runtime()
    core = Core(Limits(step_tokens=16), Clock())
    leader = sequence(mine, "a" * 50, 4)
    followers = [Sequence(leader.work, mine, 0.0, leader=leader) for _ in range(2)]
    other = sequence(mine, "b", 4, arrived=1.0)
    _submit(core, leader, *followers, other)
    while leader.committed < 50:
        assert core.scheduler.waiting == followers or not other.admitted
        core.step()
    assert other.emitted > 0
    core.step()
    assert [each.committed >= 48 for each in followers] == [True, True]
    finish_all(core)
    assert [each.cached_prompt_tokens for each in followers] == [48, 48]
    assert leader.tokens == followers[0].tokens == followers[1].tokens


@pytest.mark.parametrize("how", ["cancelled", "failed", "never came"])
def test_followers_go_on_without_a_leader_that_is_gone(how: str) -> None:
    mine = runtime(model=Poisonable())
    core = Core(Limits(step_tokens=16), Clock())
    leader = sequence(mine, "!" * 50, 4)
    follower = Sequence(sequence(mine, "a" * 50, 4).work, mine, 0.0, leader=leader)
    if how != "never came":
        core.submit(leader)
    core.submit(follower)
    if how == "cancelled":
        core.abort(leader)
    assert len(ids_of(finish_all(core), follower)) == 4


def test_an_exclusive_request_is_alone_in_its_forwards_and_others_go_on() -> None:
    mine, sizes = runtime(), list[tuple[int, ...]]()
    core = Core(Limits(), Clock())
    suspect = Sequence(sequence(mine, "s", 5).work, mine, 0.0, exclusive=True)
    others = [sequence(mine, text, 5) for text in ("a", "b")]
    _submit(core, suspect, *others)
    while core.scheduler.running or core.scheduler.waiting:
        sizes.append(tuple(sorted({update.sequence.handle for update in core.step()})))
    alone = (suspect.handle,)
    assert set(sizes) == {alone, tuple(each.handle for each in others)}
    assert sizes[:4].count(alone) == 2


def test_an_indivisible_prompt_goes_through_whole_or_waits() -> None:
    mine = runtime()
    scheduler = Scheduler(Limits(step_tokens=20))
    long, whole = sequence(mine, "a" * 30, 2), sequence(mine, "b" * 15, 2)
    whole.whole = True
    for each in (long, whole):
        scheduler.add(each)
    scheduler.admit(0.0)
    assert dict(scheduler.grants()) == {long: 20}
    long.stand_at(10)
    assert dict(scheduler.grants()) == {long: 20}
    long.stand_at(29)
    assert dict(scheduler.grants()) == {long: 1, whole: 15}
    scheduler.limits = Limits(step_tokens=4)
    assert dict(scheduler.grants()) == {long: 1, whole: 15}, "the first prompt is granted however long"


def test_those_who_look_ahead_get_what_is_left() -> None:
    mine = runtime()
    scheduler = Scheduler(Limits(step_tokens=12, cache_bytes=100 * mine.store.page_bytes))
    eager = [sequence(mine, "a", 20) for _ in range(3)]
    for each in eager:
        each.lookahead = 4
        scheduler.add(each)
    scheduler.admit(0.0)
    assert [grant for _, grant in scheduler.grants()] == [5, 5, 2]
    prompt = sequence(mine, "b" * 7, 2)
    scheduler.add(prompt)
    scheduler.admit(0.0)
    assert dict(scheduler.grants()) == {eager[0]: 3, eager[1]: 1, eager[2]: 1, prompt: 7}


def test_nobody_gives_way_to_a_guess() -> None:
    mine = runtime()
    scheduler = Scheduler(Limits(cache_bytes=5 * mine.store.page_bytes))
    eager, other = (sequence(mine, "a" * PAGE, 60, arrived=float(at)) for at in (0, 1))
    for each in (eager, other):
        scheduler.add(each)
    scheduler.admit(0.0)
    eager.stand_at(PAGE - 1)
    other.stand_at(PAGE - 1)
    eager.lookahead = 5 * PAGE
    assert dict(scheduler.grants()) == {eager: 1, other: 1}
    assert other.running
    eager.lookahead = PAGE
    assert dict(scheduler.grants()) == {eager: 1 + PAGE, other: 1}


def test_hidden_states_and_logits_are_wanted_in_forwards_of_their_own() -> None:
    kinds: list[set[str]] = []

    class Both(Autoregressive):
        def forward(self, batch: Batch, state: State) -> Outputs:
            kinds.append({span.output for span in batch.spans})
            outputs = super().forward(batch, state)
            if batch.output == "logits":
                return outputs
            return Outputs(outputs.logits_WV[:, :0], hidden_WD=torch.ones(len(batch.want_W), 4))

    class Watching:
        rows = 0

        def plan(self, sequence: SequenceView, budget: int) -> Span:
            tokens = sequence.tokens[sequence.committed :]
            want = range(len(tokens))
            return Span(sequence.handle, tokens, 0, len(tokens), want=want, output="hidden")

        def absorb(self, sequence: SequenceView, span: Span, outputs: Outputs, sample: Sampler) -> Step:
            assert outputs.hidden_WD is not None
            self.rows += len(outputs.hidden_WD)
            return Step(done=True)

    mine, watching = runtime(model=Both()), Watching()
    core = Core(Limits(), Clock())
    _submit(core, sequence(mine, "abc", 3), sequence(mine, "defg", 1, decoder=watching))
    finish_all(core)
    assert watching.rows == 4
    assert kinds == [{"logits"}, {"hidden"}, {"logits"}, {"logits"}]
