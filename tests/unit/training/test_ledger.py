"""What the training service puts on record in its own name."""

from datetime import timedelta

from colonnade.training.domain import Ending, State, cancelled, concluded, started
from colonnade.training.ledger import Ledger
from tests.unit.registry.fakes import MemoryTrail
from tests.unit.training.fakes import RECIPE, START, MemoryJobStore, begun, job


async def test_whose_job_it_is_seals_the_record_and_why_it_was_cancelled_is_not_repeated() -> None:
    store, trail, found = MemoryJobStore(), MemoryTrail(), job()
    await store.lease("me", START, START + timedelta(hours=1))
    await store.submit(found, RECIPE, begun(found), None, most_queued=9)
    ledger = Ledger(store, trail, holder="me", clock=lambda: START, wake=lambda: None)
    await ledger.changed(found.id, lambda each: started(each, START))
    stopping = cancelled(store.jobs[found.id], START, by="acme/bob", why="a canary")
    await store.change(found.id, lambda _: (stopping, None), at=START)
    over = await ledger.changed(
        found.id, lambda each: concluded(each, 1, Ending.STOPPED, "", START, most_lost=3)
    )
    assert (over.state, over.why) == (State.CANCELLED, "cancelled by acme/bob: a canary")
    assert [facts["on_behalf_of"] for *_, facts in trail.records] == ["acme/eve", "acme/eve"]
    assert "canary" not in repr(trail.records)
