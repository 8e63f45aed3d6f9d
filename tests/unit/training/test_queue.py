"""Whose turn it is: shares are kept, priorities come first, and within one nobody is passed over for ever."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.training.queue import Slots, Waiting, next_up

TENANTS = ("acme", "globex", "initech")
WAITING = st.lists(
    st.builds(
        lambda number, tenant, priority: Waiting(f"job_{number:04d}", tenant, priority),
        st.integers(0, 9999), st.sampled_from(TENANTS), st.integers(-2, 2),
    ),
    max_size=30, unique_by=lambda job: job.id,
)  # fmt: skip
RUNNING = st.dictionaries(st.sampled_from(TENANTS), st.integers(0, 4))
SLOTS = st.builds(Slots, st.integers(1, 8), st.sampled_from([0.01, 0.25, 0.5, 0.75, 1.0]))


def turn(job: Waiting) -> tuple[int, str]:
    return (-job.priority, job.id)


def test_the_oldest_of_the_highest_priority_comes_first() -> None:
    waiting = [Waiting("job_1", "acme", 0), Waiting("job_2", "acme", 5), Waiting("job_3", "globex", 5)]
    assert [job.id for job in next_up(waiting, {}, Slots(3))] == ["job_2", "job_3", "job_1"]
    assert [job.id for job in next_up(waiting, {"x": 2}, Slots(3))] == ["job_2"]
    assert next_up(waiting, {"x": 4}, Slots(3)) == ()


def test_who_holds_its_share_lets_others_by() -> None:
    waiting = [Waiting(f"job_{at}", "acme", 9) for at in range(4)] + [Waiting("job_9", "globex", 0)]
    assert [job.id for job in next_up(waiting, {"acme": 1}, Slots(4, 0.5))] == ["job_0", "job_9"]


@pytest.mark.parametrize(
    ("slots", "most"),
    [(Slots(10, 0.3), 3), (Slots(10, 1.0), 10), (Slots(1, 0.5), 1), (Slots(3, 0.1), 1), (Slots(7, 0.5), 3)],
)
def test_a_share_is_whole_slots_and_at_least_one(slots: Slots, most: int) -> None:
    assert slots.of_a_tenant == most


@given(WAITING, RUNNING, SLOTS)
def test_shares_and_slots_are_kept_and_no_slot_is_left_that_somebody_may_have(
    waiting: list[Waiting], running: dict[str, int], slots: Slots
) -> None:
    chosen = next_up(waiting, running, slots)
    held = Counter(running) + Counter(job.tenant for job in chosen)
    assert len(set(chosen)) == len(chosen)
    assert len(chosen) <= max(0, slots.total - sum(running.values()))
    for job in chosen:
        assert held[job.tenant] <= slots.of_a_tenant
    if sum(held.values()) < slots.total:
        assert all(held[job.tenant] >= slots.of_a_tenant for job in set(waiting) - set(chosen))


@given(WAITING, RUNNING, SLOTS)
def test_nobody_is_passed_over_but_for_its_tenants_share(
    waiting: list[Waiting], running: dict[str, int], slots: Slots
) -> None:
    chosen = next_up(waiting, running, slots)
    assert list(chosen) == sorted(chosen, key=turn)
    held = Counter(running) + Counter(job.tenant for job in chosen)
    for passed in set(waiting) - set(chosen):
        later = [job for job in chosen if turn(job) > turn(passed)]
        assert all(job.tenant != passed.tenant for job in later)
        if later:
            assert held[passed.tenant] >= slots.of_a_tenant


@given(WAITING, SLOTS)
def test_what_the_queue_sees_of_each_tenant_is_enough(waiting: list[Waiting], slots: Slots) -> None:
    """The store hands out of each tenant only as many as there are slots."""
    seen: list[Waiting] = []
    for tenant in TENANTS:
        seen += sorted((job for job in waiting if job.tenant == tenant), key=turn)[: slots.total]
    assert next_up(seen, {}, slots) == next_up(waiting, {}, slots)


@given(WAITING, SLOTS, st.data())
def test_whatever_ends_when_all_have_their_turn(
    waiting: list[Waiting], slots: Slots, data: st.DataObject
) -> None:
    """As long as jobs end, each is reached; those of a tenant and a priority in their order."""
    left, running, order = set(waiting), list[Waiting](), list[Waiting]()
    while left:
        chosen = next_up(left, Counter(job.tenant for job in running), slots)
        left -= set(chosen)
        running += chosen
        order += chosen
        assert running, "slots are free, and nobody begins"
        running.pop(data.draw(st.integers(0, len(running) - 1)))
    for tenant in TENANTS:
        mine = [job for job in order if job.tenant == tenant]
        assert mine == sorted(mine, key=turn)
