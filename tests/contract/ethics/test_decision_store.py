"""Where decisions are kept: the same on every database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from colonnade.ethics.decisions.domain import By, Held, Kept, Request, Sample, Wanted, new_id
from colonnade.ethics.decisions.sql import SqlDecisions
from colonnade.ethics.domain.decision import Decision
from colonnade.ethics.domain.finding import Side, Span
from colonnade.ethics.domain.policy import Action
from tests.contract.conftest import KINDS, Opener

AT = datetime(2030, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CARD = Decision("cards", "card", "payment_card", Span(4, 23), 0.99, Action.MASK, "sha256:1", "Masked.")
REFUSED = replace(CARD, rule="injection", action=Action.REFUSE)


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, opened: Opener) -> SqlDecisions:
    return SqlDecisions(opened(request.param, "colonnade.ethics"))


def decided(
    decision: Decision = CARD, at: datetime = AT, subject: str = "ann", *, shadow: bool = False
) -> Kept:
    request = Request("acme", subject, f"req-{subject}", "/generate", at)
    return Kept(new_id("dec", at), at, request, Side.OUTPUT, decision, "default", shadow)


def sample(at: datetime = AT, subject: str = "ann") -> Sample:
    request = Request("acme", subject, "", "/generate", at)
    return Sample(new_id("smp", at), at, request, Side.INPUT, "My card is …")


async def test_listed_by_what_is_asked_newest_first(store: SqlDecisions) -> None:
    old, new = decided(), decided(REFUSED, AT + HOUR, "bob")
    silent = decided(shadow=True)
    await store.keep([old, new, silent], [])
    await store.keep([old], [])  # nobody knew whether it was written
    assert await store.page("acme", Wanted(), before="", limit=9) == [new, old]
    assert await store.page("acme", Wanted(), before=new.id, limit=9) == [old]
    assert await store.page("acme", Wanted(shadow=True), before="", limit=9) == [silent]
    for wanted in (
        Wanted(rule="injection"), Wanted(action=Action.REFUSE), Wanted(since=AT + HOUR),
        Wanted(request_id="req-bob"),
    ):  # fmt: skip
        assert await store.page("acme", wanted, before="", limit=9) == [new]
    assert not await store.page("acme", Wanted(route="/v1/chat/completions"), before="", limit=9)
    assert not await store.page("globex", Wanted(), before="", limit=9)


async def test_counted_by_rule_by_action_and_by_day(store: SqlDecisions) -> None:
    await store.keep([decided(), decided(), decided(REFUSED, AT + 24 * HOUR)], [])
    assert list((await store.summary("acme", Wanted(), By.RULE)).items()) == [("cards", 2), ("injection", 1)]
    assert await store.summary("acme", Wanted(rule="cards"), By.ACTION) == {"mask": 2}
    assert await store.summary("acme", Wanted(), By.DAY) == {"2030-01-01": 2, "2030-01-02": 1}


async def test_old_ones_go_and_samples_beyond_the_newest(store: SqlDecisions) -> None:
    new = decided(at=AT + HOUR)
    texts = [sample(AT + minute * timedelta(minutes=1)) for minute in range(4)]
    await store.keep([decided(), new], texts)
    assert await store.tidy(AT + HOUR, older_than=AT + timedelta(seconds=1), most_samples=2) == 1
    assert await store.page("acme", Wanted(), before="", limit=9) == [new]
    assert [each.id for each in await store.samples("acme", 9)] == [texts[3].id, texts[2].id]
    assert await store.tidy(AT + HOUR, older_than=AT, most_samples=2) == 0


async def test_who_is_erased_stays_erased_though_requests_were_under_way(store: SqlDecisions) -> None:
    other = decided(subject="bob")
    await store.keep([decided(), other], [sample()])
    assert await store.erase("acme", "ann", AT) == {"decisions": 1, "screened_samples": 1}
    later = decided(at=AT + HOUR)
    await store.keep([decided(), later], [sample()])
    assert await store.page("acme", Wanted(), before="", limit=9) == [later, other]
    assert not await store.samples("acme", 9)
    assert await store.erase("acme", "ann", AT + HOUR) == {"decisions": 1, "screened_samples": 0}
    await store.tidy(AT + 30 * HOUR, older_than=AT, most_samples=1)
    await store.keep([later], [])
    assert later in await store.page("acme", Wanted(), before="", limit=9), "nobody is known for ever"


async def test_of_whom_there_is_something(store: SqlDecisions) -> None:
    await store.keep([decided(at=AT + HOUR), decided(subject="bob")], [sample()])
    ann, bob = Held("acme", "ann", AT), Held("acme", "bob", AT)
    assert await store.held(("", ""), 9) == [ann, bob]
    assert await store.held(("acme", "ann"), 9) == [bob]
    assert await store.held(("", ""), 1) == [ann]
