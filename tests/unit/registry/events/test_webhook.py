"""What becomes of a webhook as its receiver takes events or does not."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from colonnade.errors import InvalidArgument
from colonnade.registry.events.courier import Patience
from colonnade.registry.events.messages import message, new_secret
from colonnade.registry.events.ports import Event, Wanted
from colonnade.registry.events.service import place
from colonnade.registry.events.webhook import MAX_ERROR_CHARACTERS, State, Webhook
from tests.unit.registry.fakes import START

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
HOOK = Webhook("wh_1", "acme", "https://a", (), (), new_secret(), START, "acme/eve", delivered=3)
EVENT = Event(4, START, "alias.moved", "acme", "tiny", 2, "production", "acme/eve", {"why": "ü\u2028"})


def test_a_failure_counts_and_a_success_forgets_it() -> None:
    failed = HOOK.failed("no", START, pause=MINUTE, give_up=DAY).failed(
        "x" * 999, START + MINUTE, pause=MINUTE, give_up=DAY
    )
    assert (failed.failures, failed.failing_since, failed.next_try) == (2, START, START + 2 * MINUTE)
    assert (failed.state, failed.delivered, len(failed.last_error)) == ("active", 3, MAX_ERROR_CHARACTERS)
    took = failed.took(4)
    assert (took.failures, took.failing_since, took.next_try, took.last_error) == (0, None, None, "")
    assert took.delivered == 4


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40)), max_size=60))
def test_it_is_given_up_exactly_when_it_has_failed_for_a_day(steps: list[tuple[bool, int]]) -> None:
    now, hook, since = START, HOOK, None
    for number, (taken, hours) in enumerate(steps, 4):
        now += timedelta(hours=hours)
        if taken:
            hook, since = hook.took(number), None
        else:
            since = since or now
            hook = hook.failed("no", now, pause=MINUTE, give_up=DAY)
        assert (hook.state is State.GIVEN_UP) == (since is not None and now - since >= DAY)
        if hook.state is State.GIVEN_UP:
            before = hook.delivered
            hook, since = hook.resumed(), None
            assert (hook.state, hook.delivered, hook.next_try) == (State.ACTIVE, before, None)


def test_pauses_grow_and_differ() -> None:
    patience = Patience(first_seconds=1, longest_seconds=300)
    for failures, longest in ((1, 1), (2, 2), (5, 16), (40, 300), (10_000, 300)):
        pauses = [patience.pause(failures).total_seconds() for _ in range(20)]
        assert all(longest / 2 <= pause <= longest for pause in pauses)
        assert len(set(pauses)) > 1


def test_a_message_is_what_the_standards_library_takes() -> None:
    now = datetime.now(UTC)
    headers, body = message(HOOK, EVENT, now)
    told = Verifier(HOOK.secret).verify(body, dict(headers))
    assert told == json.loads(body)
    assert (told["type"], told["timestamp"], told["data"]["number"]) == ("alias.moved", START.isoformat(), 4)
    assert told["data"]["facts"] == EVENT.facts
    later, same = message(HOOK, EVENT, now + MINUTE)
    assert (later["webhook-id"], same) == (headers["webhook-id"], body)
    assert later["webhook-signature"] != headers["webhook-signature"]
    with pytest.raises(WebhookVerificationError):
        Verifier(HOOK.secret).verify(body + b" ", dict(headers))
    with pytest.raises(WebhookVerificationError):
        Verifier(new_secret()).verify(body, dict(headers))
    headers, body = message(HOOK, EVENT, now - 6 * MINUTE)
    with pytest.raises(WebhookVerificationError, match="old"):
        Verifier(HOOK.secret).verify(body, dict(headers))


def test_a_secret_is_not_shown_by_accident() -> None:
    assert HOOK.secret.startswith("whsec_")
    assert HOOK.secret not in repr(HOOK)
    assert new_secret() != new_secret()


@given(st.integers(-2000, 2000), st.integers(0, 1000))
def test_where_a_number_leads(after: int, last: int) -> None:
    assert place(None, last, otherwise=7) == 7
    if after > last:
        with pytest.raises(InvalidArgument, match=f"newest event has number {last}"):
            place(after, last, otherwise=0)
    else:
        assert 0 <= place(after, last, otherwise=0) <= last
        assert place(after, last, otherwise=0) == (after if after >= 0 else max(0, last + after))


@pytest.mark.parametrize(
    "kind",
    ["", "*", "alias", "alias.", "alias.**", "ALIAS.moved", ".moved", "a.b.c", "alias.moved\n", "x" * 99],
)
def test_what_is_no_kind_is_refused(kind: str) -> None:
    with pytest.raises(InvalidArgument, match="kind"):
        Wanted.checked([], [kind])


def test_filters_are_bounded_and_name_models() -> None:
    with pytest.raises(InvalidArgument, match="models"):
        Wanted.checked(["No Model"], [])
    for models, kinds in ((["x"] * 101, []), ([], ["alias.moved"] * 101)):
        with pytest.raises(Exception, match="100"):
            Wanted.checked(models, kinds)
