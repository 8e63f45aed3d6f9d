import pytest

from colonnade.engine.core import Core
from colonnade.engine.scheduler import Limits, Scheduler
from colonnade.engine.sequence import PRIORITY_SECONDS
from colonnade.errors import Overloaded, TooLarge
from tests.unit.engine.toys.loaded import runtime
from tests.unit.engine.work import Clock, finish_all, sequence

RUNTIME = runtime()


def test_a_full_queue_says_when_to_come_back() -> None:
    scheduler = Scheduler(Limits(queue_capacity=2, max_sequences=1))
    for _ in range(2):
        scheduler.add(sequence(RUNTIME))
    with pytest.raises(Overloaded) as refusal:
        scheduler.add(sequence(RUNTIME))
    assert refusal.value.details["retry_after_seconds"] >= 1
    assert refusal.value.details["limit"] == 2


def test_what_could_never_run_is_refused_with_the_numbers() -> None:
    scheduler = Scheduler(Limits(cache_bytes=1000))
    wanted = sequence(RUNTIME, max_tokens=50)
    with pytest.raises(TooLarge) as refusal:
        scheduler.add(wanted)
    assert not scheduler.waiting
    assert refusal.value.details["needed"] == wanted.reserved_bytes > refusal.value.details["limit"] == 1000


def test_priority_first_then_order_of_arrival() -> None:
    mine = runtime()
    scheduler = Scheduler(Limits(max_sequences=10))
    asked = [(0, 0.0), (1, 1.0), (0, 2.0), (1, 3.0), (-1, 0.0)]
    queued = [sequence(mine, priority=priority, arrived=at) for priority, at in asked]
    for each in queued:
        scheduler.add(each)
    assert scheduler.admit(5.0) == [queued[index] for index in (1, 3, 0, 2, 4)]


def test_a_priority_is_a_head_start_not_a_privilege() -> None:
    """Urgent requests that never stop coming cannot keep a patient one out for ever."""
    clock, mine = Clock(), runtime()
    core = Core(Limits(max_sequences=1), clock)
    patient = sequence(mine, max_tokens=1, priority=0)
    core.submit(patient)
    core.submit(sequence(mine, max_tokens=1, priority=2))
    served_after = None
    for second in range(200):
        clock.now = float(second)
        core.submit(sequence(mine, max_tokens=1, priority=2, arrived=clock.now))
        if any(update.sequence is patient for update in core.step()):
            served_after = second
            break
    assert served_after is not None
    assert served_after <= 2 * PRIORITY_SECONDS + 2


def test_nobody_overtakes_one_that_does_not_fit_yet() -> None:
    mine = runtime()
    first, big, small = (sequence(mine, "x" * size, max_tokens=2) for size in (30, 60, 2))
    scheduler = Scheduler(Limits(cache_bytes=big.reserved_bytes))
    for each in (first, big, small):
        scheduler.add(each)
    assert scheduler.admit(0.0) == [first]
    scheduler.leave(first, 1.0)
    assert scheduler.admit(1.0) == [big]


def test_generating_goes_on_while_a_long_prompt_is_worked_off() -> None:
    core = Core(Limits(step_tokens=8), Clock())
    short, long = sequence(RUNTIME, "a", 30), sequence(RUNTIME, "b" * 60, 4, arrived=1.0)
    core.submit(short)
    core.step()
    core.submit(long)
    while long.pending > 1:
        before = (short.emitted, long.committed)
        core.step()
        assert short.emitted == before[0] + 1
        assert long.committed - before[1] <= 7
    finish_all(core)


def test_prompts_move_on_even_when_generating_takes_the_whole_step() -> None:
    mine = runtime()
    core = Core(Limits(step_tokens=2), Clock())
    for number in range(4):
        core.submit(sequence(mine, "a", 40, arrived=float(number)))
    core.step()
    late = sequence(mine, "bcdefg", 2, arrived=9.0)
    core.submit(late)
    for _ in range(12):
        core.step()
    assert late.emitted >= 1


def test_a_step_holds_about_as_many_tokens_as_allowed() -> None:
    mine = runtime()
    scheduler = Scheduler(Limits(step_tokens=20))
    for _ in range(5):
        scheduler.add(sequence(mine, "x" * 15, 2))
    scheduler.admit(0.0)
    grants = [grant for _, grant in scheduler.grants()]
    assert sum(grants) == 20
    assert grants == [15, 5]


def test_models_take_turns() -> None:
    core = Core(Limits(), Clock())
    mine = [sequence(one, "a", 10) for one in [runtime()] for _ in range(3)]
    theirs = sequence(runtime("recurrent"), "b", 10)
    for each in (*mine, theirs):
        core.submit(each)
    for _ in range(6):
        core.step()
    assert [each.emitted for each in (*mine, theirs)] == [3, 3, 3, 3]


def test_a_block_is_granted_whole() -> None:
    diffusion = runtime("block_diffusion")
    scheduler = Scheduler(Limits(step_tokens=1))
    scheduler.add(sequence(diffusion, "x" * 20, 8))
    scheduler.admit(0.0)
    assert [grant for _, grant in scheduler.grants()] == [diffusion.model.page_multiple]
