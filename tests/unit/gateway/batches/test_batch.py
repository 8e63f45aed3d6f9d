"""The state machine of a batch: whatever is tried in whatever order, it ends once and counts right."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import Conflict
from colonnade.gateway.domain.batches import NEXT, UNFINISHED, Batch, BatchError, Counts, LineResult, Status

NOW = datetime(2030, 1, 1, tzinfo=UTC)
FINAL = {Status.COMPLETED, Status.FAILED, Status.EXPIRED, Status.CANCELLED}


def batch() -> Batch:
    return Batch("batch_1", "acme", "me", "k", "/v1/completions", "file-1", NOW, NOW + timedelta(days=1))


@given(st.lists(st.sampled_from(Status), max_size=12))
def test_only_what_follows_is_reached(tried: list[Status]) -> None:
    each, path = batch(), [Status.VALIDATING]
    for step, status in enumerate(tried):
        at = NOW + timedelta(seconds=step)
        if status in NEXT.get(each.status, ()):
            each = each.moved(status, at)
            path.append(status)
            assert each.times[status] == at
        else:
            with pytest.raises(Conflict, match=f"the batch is {each.status}"):
                each.moved(status, at)
        assert each.status is path[-1]
    assert len(path) == len(set(path)) <= 4
    assert set(each.times) == set(path[1:])
    assert each.finished is (each.status in FINAL)


def test_every_state_leads_to_an_end() -> None:
    reached, waiting = set(), {Status.VALIDATING}
    while waiting:
        status = waiting.pop()
        reached.add(status)
        waiting |= NEXT.get(status, frozenset()) - reached
    assert reached == set(Status)
    assert set(UNFINISHED) == set(Status) - FINAL


@given(st.lists(st.sampled_from([200, 200, 400, 402, 500]), max_size=20))
def test_counts_add_up_whatever_the_end(statuses: list[int]) -> None:
    each = batch().began(20, NOW)
    for line, status in enumerate(statuses, 1):
        each = each.counted(LineResult(line, "x", status, "r", "{}"))
    good = sum(status < 400 for status in statuses)
    assert each.counts == Counts(20, good, len(statuses) - good)
    expired = each.expired(NOW)
    assert expired.counts == Counts(20, good, 20 - good)
    assert each.cancelled(NOW).counts == each.counts


def test_cancelling_is_asked_for_as_often_as_one_likes() -> None:
    once = batch().cancelled(NOW)
    assert once.cancelled(NOW + timedelta(seconds=1)) is once
    ended = once.moved(Status.CANCELLED, NOW)
    assert ended.cancelled(NOW) is ended


@pytest.mark.parametrize("status", [Status.FINALIZING, Status.COMPLETED, Status.EXPIRED, Status.FAILED])
def test_what_has_ended_is_not_cancelled(status: Status) -> None:
    each = batch().began(1, NOW)
    each = each.moved(Status.FINALIZING, NOW) if status is Status.COMPLETED else each
    each = each.moved(status, NOW)
    with pytest.raises(Conflict) as refused:
        each.cancelled(NOW)
    assert refused.value.details == {"field": "batch_id", "status": status}


def test_a_failed_batch_says_why() -> None:
    errors = (BatchError("empty_file", "the input file has no lines"),)
    assert batch().failed(errors, NOW).errors == errors
