"""What becomes of a webhook as its receiver takes events or does not."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from colonnade.errors import InvalidArgument
from colonnade.registry.adapters.webhook_posts import retry_after
from colonnade.registry.events.courier import Patience
from colonnade.registry.events.messages import message, new_secret
from colonnade.registry.events.ports import Event, Wanted
from colonnade.registry.events.service import place
from colonnade.registry.events.webhook import MAX_ERROR_CHARACTERS, State, Webhook
from tests.unit.registry.fakes import START

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
SECRET = new_secret()
HOOK = Webhook("wh_1", "acme", "https://a", (), (), "sealed.1.x", START, "acme/eve", delivered=3)
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


@given(st.integers(1, 10_000), st.integers(-10, 10**9 - 1))
def test_no_sooner_than_the_receiver_asked_and_no_later_than_in_an_hour(failures: int, asked: int) -> None:
    pause = Patience().pause(failures, timedelta(seconds=asked)).total_seconds()
    assert min(asked, 3600) <= pause <= max(min(asked, 3600), 300)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120), (" 7 ", 7), ("0", 0), ("9" * 5000, 999_999_999), ("", 0), ("-5", 0), ("1.5", 0),
        ("soon", 0), ("\u0661", 0), ("Tue, 01 Jan 2030 00:02:00 GMT", 120),
        ("Tue, 01 Jan 2030 00:02:00 -0000", 120), ("Tue, 01 Jan 2030 02:02:00 +0200", 120),
        ("Tue, 01 Jan 2019 00:00:00 GMT", 0),
        ("Tue, 99 Jan 2030 00:00:00 GMT", 0), ("Tue, 01 Jan 99999999 00:00:00 GMT", 0), (", , ,", 0),
        ("Sat, 01 Jan 0001 00:00:00 +2359", 0),
    ],
)  # fmt: skip
def test_what_a_receiver_asks_for(said: str, seconds: int) -> None:
    assert retry_after(said, datetime(2030, 1, 1, tzinfo=UTC)) == timedelta(seconds=seconds)


@given(st.text(max_size=60))
def test_nothing_that_it_may_say_breaks_anything(said: str) -> None:
    assert retry_after(said, START) >= timedelta(0)


def test_a_message_is_what_the_standards_library_takes() -> None:
    now = datetime.now(UTC)
    headers, body = message(HOOK, SECRET, EVENT, now)
    told = Verifier(SECRET).verify(body, dict(headers))
    assert told == json.loads(body)
    assert (told["type"], told["timestamp"], told["data"]["number"]) == ("alias.moved", START.isoformat(), 4)
    assert told["data"]["facts"] == EVENT.facts
    later, same = message(HOOK, SECRET, EVENT, now + MINUTE)
    assert (later["webhook-id"], same) == (headers["webhook-id"], body)
    assert later["webhook-signature"] != headers["webhook-signature"]
    with pytest.raises(WebhookVerificationError):
        Verifier(SECRET).verify(body + b" ", dict(headers))
    with pytest.raises(WebhookVerificationError):
        Verifier(new_secret()).verify(body, dict(headers))
    headers, body = message(HOOK, SECRET, EVENT, now - 6 * MINUTE)
    with pytest.raises(WebhookVerificationError, match="old"):
        Verifier(SECRET).verify(body, dict(headers))


def test_a_secret_is_not_shown_by_accident() -> None:
    assert SECRET.startswith("whsec_")
    assert HOOK.sealed not in repr(HOOK)
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
