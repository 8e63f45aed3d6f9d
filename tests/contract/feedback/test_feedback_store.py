"""Feedback is kept once, found by its tenant alone, and erased with what was made of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from colonnade.errors import Conflict, NotFound, Overloaded
from colonnade.ethics.feedback.feedback import AnsweredBy, Feedback, Given, Kind, State, Turn, key_of
from colonnade.ethics.feedback.ports import Wanted
from colonnade.ethics.feedback.reward.learning import Share
from colonnade.ethics.feedback.reward.ports import Kept
from colonnade.ethics.feedback.reward.sql_models import SqlRewardModels
from colonnade.ethics.feedback.sql_feedback import SqlFeedback
from colonnade.security.inputs.once import Once
from colonnade.storage.sql import Database

START = datetime(2030, 1, 2, tzinfo=UTC)
ASKED = (Turn("system", "Be brief."), Turn("user", "Is it far? 漢😀"))
PREFERENCE = Given(Kind.PREFERENCE, prompt=ASKED, chosen="A mile.", rejected="Dunno.")
ONCE = Once("acme/ann", "key-1", "f" * 64)


def said(number: int, given: Given = PREFERENCE, subject: str = "ann", tenant: str = "acme") -> Feedback:
    return Feedback(f"fb_{number:02}", tenant, subject, given, START + timedelta(seconds=number))


def accepted(number: int, given: Given = PREFERENCE, subject: str = "ann") -> Feedback:
    return said(number, given, subject).reviewed(State.ACCEPTED, "eve", START, "")


async def keep(store: SqlFeedback, *all_of_it: Feedback) -> None:
    for each in all_of_it:
        await store.add(each, None, most_waiting=100)


def ids(found: Sequence[Feedback]) -> list[str]:
    return [each.id for each in found]


async def test_all_of_it_is_kept_for_its_tenant_alone(database: Database) -> None:
    store = SqlFeedback(database)
    by = AnsweredBy("tiny", 3, "sha256:" + "a" * 64, confirmed=True)
    full = accepted(1, replace(PREFERENCE, request_id="r1", answered_by=by, comment="Rude."))
    await keep(store, full, said(2, tenant="other"))
    assert await store.find("acme", "fb_01") == full
    with pytest.raises(NotFound, match="fb_02"):
        await store.find("acme", "fb_02")
    assert ids(await store.page("other", Wanted(), before="", limit=9)) == ["fb_02"]


async def test_under_a_key_it_is_given_once(database: Database) -> None:
    store = SqlFeedback(database)
    kept = await asyncio.gather(*(store.add(said(n), ONCE, most_waiting=9) for n in range(1, 6)))
    assert len({each.id for each in kept}) == 1
    with pytest.raises(Conflict):
        await store.add(said(9), replace(ONCE, fingerprint="0" * 64), most_waiting=9)


async def test_it_is_paged_newest_first(database: Database) -> None:
    store = SqlFeedback(database)
    await keep(store, *(said(n, subject=("ann", "bob")[n % 2]) for n in range(1, 8)), accepted(8))
    first = await store.page("acme", Wanted(), before="", limit=3)
    assert ids(first) == ["fb_08", "fb_07", "fb_06"]
    assert ids(await store.page("acme", Wanted(), before="fb_06", limit=2)) == ["fb_05", "fb_04"]
    wanted = Wanted("bob", State.WAITING, Kind.PREFERENCE)
    assert ids(await store.page("acme", wanted, before="", limit=9)) == ["fb_07", "fb_05", "fb_03", "fb_01"]
    assert await store.page("acme", Wanted(kind=Kind.THUMB), before="", limit=9) == []


async def test_the_latest_thumb_on_a_request_counts(database: Database) -> None:
    store = SqlFeedback(database)
    up, down = (Given(Kind.THUMB, "r1", up=up) for up in (True, False))
    await keep(store, said(1, up), said(2, up, "bob"), said(3, replace(up, request_id="r2")), said(4, down))
    found = await store.page("acme", Wanted(), before="", limit=9)
    assert ids(found) == ["fb_04", "fb_03", "fb_02"]


async def test_one_subject_cannot_fill_the_queue(database: Database) -> None:
    store = SqlFeedback(database)
    await keep(store, said(1), said(2), accepted(3))
    with pytest.raises(Overloaded, match="2 pieces"):
        await store.add(said(4), None, most_waiting=2)
    await store.add(said(5, subject="bob"), None, most_waiting=2)


async def test_accepted_ones_are_to_learn_from(database: Database) -> None:
    store = SqlFeedback(database)
    up = Given(Kind.THUMB, prompt=ASKED, chosen="Yes.", up=True)
    down = Given(Kind.THUMB, prompt=ASKED, rejected="No.")
    bare = Given(Kind.THUMB, "r1", up=True)
    await keep(
        store, accepted(1), said(2), accepted(3, up), accepted(4, down), accepted(5, bare), said(6, down)
    )
    assert ids(await store.accepted("acme", after="", limit=9)) == ["fb_01", "fb_03"]
    assert ids(await store.accepted("acme", after="fb_01", limit=9)) == ["fb_03"]
    found = await store.disliked("acme", [key_of(ASKED), "other"])
    assert {key: ids(each) for key, each in found.items()} == {key_of(ASKED): ["fb_04"]}


def model(number: int) -> Kept:
    return Kept(f"rm_{number}", "acme", START, "sha256:e", Share(7, 10), 40, "{}", b"\x00weights")


async def test_what_is_erased_takes_with_it_what_was_made_of_it(database: Database) -> None:
    store, models = SqlFeedback(database), SqlRewardModels(database)
    await keep(store, accepted(1), accepted(2, subject="bob"), said(3, subject="bob"))
    reviewed = await store.change(
        "acme", "fb_03", lambda each: each.reviewed(State.REJECTED, "ann", START, "No.")
    )
    assert await store.find("acme", "fb_03") == reviewed
    for number, made_of in ((1, ["fb_01", "fb_02"]), (2, ["fb_02"])):
        await models.add(model(number), made_of, replace(ONCE, key=f"k{number}"))
    assert await store.held(("", ""), 9) == [
        ("acme", "ann", START), ("acme", "bob", START + timedelta(seconds=2)),
        ("acme", "eve", START),
    ]  # fmt: skip
    assert [each[1] for each in await store.held(("acme", "ann"), 9)] == ["bob", "eve"]
    removed = await store.erase("acme", "ann")
    assert removed == {"feedback": 1, "feedback_reviews": 1, "reward_models": 1}
    assert await store.erase("acme", "ann") == dict.fromkeys(removed, 0)
    left = await store.find("acme", "fb_03")
    assert (left.reviewed_by, left.why, left.state) == ("", "", State.REJECTED)
    assert [each.id for each in await models.page("acme", 9)] == ["rm_2"]
    assert await models.made_with(replace(ONCE, key="k2")) is None  # whose it was is gone
    with pytest.raises(Conflict, match="taken back"):
        await models.add(model(3), ["fb_01"], None)
    await store.change("acme", "fb_02", lambda each: each.reviewed(State.REJECTED, "eve", START, ""))
    assert await models.page("acme", 9) == []
    await store.remove("acme", "fb_02")
    assert await store.page("acme", Wanted("bob", State.ACCEPTED), before="", limit=9) == []


async def test_reward_models_are_kept_once(database: Database) -> None:
    models = SqlRewardModels(database)
    with pytest.raises(NotFound, match="colonnade feedback train"):
        await models.find("acme", "")
    assert await models.add(model(1), [], ONCE) == model(1)
    assert await models.add(model(2), [], ONCE) == model(1)
    await models.add(model(3), [], None)
    assert (await models.find("acme", ""), await models.find("acme", "rm_1")) == (model(3), model(1))
    assert list(await models.page("acme", 1)) == [replace(model(3), weights=b"")]
    with pytest.raises(NotFound, match="rm_1"):
        await models.find("other", "rm_1")
