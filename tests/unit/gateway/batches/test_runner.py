"""Batches from their file to their results: on fakes, through the very pipeline of the routes."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from colonnade.errors import BudgetSpent, InvalidArgument, Overloaded, Unavailable
from colonnade.gateway.domain.batches import Batch, Counts, Status
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.keys import KeyOrder
from colonnade.gateway.http.openai.lines import LineAnswers
from colonnade.security.identity import Principal, Role
from tests.unit.gateway.batches.bench import CHAT, Bench, at_work, lines

ADMIN = Caller(Principal("local", "local", frozenset({Role.ADMIN})), "test")
BODIES: dict[str, dict[str, Any]] = {
    CHAT: {"model": "tiny", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4},
    "/v1/completions": {"model": "tiny", "prompt": ["Hi", "Ho"], "max_tokens": 4},
    "/v1/embeddings": {"model": "tiny", "input": "Hi"},
    "/v1/responses": {"model": "tiny", "input": "Hi"},
}


@pytest.mark.parametrize("endpoint", sorted(BODIES))
async def test_answers_are_those_of_the_routes(bench: Bench, endpoint: str) -> None:
    await bench.submit(lines(BODIES[endpoint], endpoint=endpoint), endpoint)
    async with at_work(bench.runner(LineAnswers(bench.house.gateway.pipeline))):
        batch = await bench.until(Status.COMPLETED)
    assert (batch.counts, batch.error_file_id) == (Counts(1, 1, 0), "")
    (line,) = bench.written(batch.output_file_id)
    async with bench.house.client() as client:
        answer = (await client.post(endpoint, json=BODIES[endpoint])).json()
    assert (line["custom_id"], line["error"], line["response"]["status_code"]) == ("id-1", None, 200)
    body = line["response"]["body"]
    assert body.keys() == answer.keys()
    told = ("choices", "usage", "data", "object", "model")
    assert {name: body[name] for name in told if name in body} == {
        name: answer[name] for name in told if name in answer
    }
    generated = bench.house.generator.specs
    assert all(spec.priority == -5 for spec in generated[: len(generated) // 2])


async def test_a_text_breaks_no_line_however_it_is_read(bench: Bench) -> None:
    """JSON leaves U+2028, U+2029 and U+0085 as they are; ``str.splitlines`` ends a line at each of them."""
    said = "one\u2028two\u2029three\x85four\nfive"
    await bench.submit(lines(BODIES[CHAT]))
    bench.answers.scripts[1] = [said]
    async with at_work(bench.runner()):
        batch = await bench.until(Status.COMPLETED)
    (line,) = bench.house.contents.files[batch.output_file_id].decode().splitlines()
    assert json.loads(line)["response"]["body"] == {"text": said}


async def test_a_priority_below_is_kept_and_one_above_is_not(bench: Bench) -> None:
    await bench.submit(lines(*[BODIES[CHAT] | {"priority": asked} for asked in (-8, 5)]))
    async with at_work(bench.runner(LineAnswers(bench.house.gateway.pipeline))):
        await bench.until(Status.COMPLETED)
    assert sorted(spec.priority for spec in bench.house.generator.specs) == [-8, -5]


async def test_refusals_are_in_the_error_file_as_the_route_words_them(bench: Bench) -> None:
    wrong = BODIES[CHAT] | {"temperature": 3}
    await bench.submit(lines(BODIES[CHAT], wrong, {"nonsense": 1}))
    async with at_work(bench.runner(LineAnswers(bench.house.gateway.pipeline))):
        batch = await bench.until(Status.COMPLETED)
    assert batch.counts == Counts(3, 1, 2)
    assert [line["custom_id"] for line in bench.written(batch.output_file_id)] == ["id-1"]
    second, third = bench.written(batch.error_file_id)
    async with bench.house.client() as client:
        for line, body in ((second, wrong), (third, {"nonsense": 1})):
            answer = await client.post(CHAT, json=body)
            assert line["response"]["status_code"] == answer.status_code == 400
            assert line["response"]["body"] == answer.json()
            assert line["error"] is None


async def test_a_file_that_is_wrong_asks_nothing(bench: Bench) -> None:
    await bench.submit(lines(BODIES[CHAT]) + b"x\n")
    async with at_work(bench.runner()):
        batch = await bench.until(Status.FAILED)
    assert [(error.code, error.line) for error in batch.errors] == [("invalid_json_line", 2)]
    assert bench.answers.asked == []
    assert (batch.output_file_id, batch.counts) == ("", Counts())


async def test_contents_that_are_elsewhere_fail_the_batch(bench: Bench) -> None:
    await bench.submit(lines(BODIES[CHAT]))
    bench.house.contents.files.clear()
    async with at_work(bench.runner()):
        batch = await bench.until(Status.FAILED)
    assert [error.code for error in batch.errors] == ["not_found"]


async def test_an_input_that_went_in_the_middle_fails_the_batch(bench: Bench) -> None:
    await bench.submit(lines({}, {}))
    await bench.house.batch_store.change("batch_1", lambda each: each.began(2, bench.now))
    bench.house.contents.files.clear()
    async with at_work(bench.runner()):
        batch = await bench.until(Status.FAILED)
    assert [error.code for error in batch.errors] == ["not_found"]


async def test_an_input_that_is_too_much_by_now_fails_the_batch(bench: Bench) -> None:
    await bench.submit(lines({}, {"prompt": "x" * 200}))
    await bench.house.batch_store.change("batch_1", lambda each: each.began(2, bench.now))
    bench.bounds = replace(bench.bounds, line_bytes=150)
    async with at_work(bench.runner()):
        batch = await bench.until(Status.FAILED)
    assert [error.code for error in batch.errors] == ["too_large"]


async def test_an_input_that_is_gone_does_not_keep_a_batch_from_expiring(bench: Bench) -> None:
    await bench.submit(lines({}))
    await bench.house.batch_store.change("batch_1", lambda each: each.began(1, bench.now))
    bench.house.contents.files.clear()
    bench.now += timedelta(days=2)
    async with at_work(bench.runner()):
        batch = await bench.until(Status.EXPIRED)
    assert (batch.counts, batch.error_file_id) == (Counts(1, 0, 1), "")


async def test_lines_run_at_once_but_not_too_many(bench: Bench) -> None:
    bench.bounds = replace(bench.bounds, lines_at_once=3)
    await bench.submit(lines(*[{}] * 20))
    async with at_work(bench.runner()):
        batch = await bench.until(Status.COMPLETED)
    assert batch.counts == Counts(20, 20, 0)
    assert bench.answers.most == 3
    assert [line["custom_id"] for line in bench.written(batch.output_file_id)] == [
        f"id-{at}" for at in range(1, 21)
    ]


async def test_who_is_told_to_wait_waits_and_tries_again(bench: Bench) -> None:
    full = [Overloaded("full", retry_after_seconds=7) for _ in range(30)]
    bench.answers.scripts = {1: [*full, "at last"]}
    await bench.submit(lines({}))
    async with at_work(bench.runner()):
        batch = await bench.until(Status.COMPLETED)
    assert bench.slept == [7.0] * 30
    assert bench.written(batch.output_file_id)[0]["response"]["body"] == {"text": "at last"}
    assert len({exchange.lease for exchange in bench.answers.asked}) == 31


async def test_what_is_away_is_awaited_for_some_minutes(bench: Bench) -> None:
    bench.answers.scripts = {1: [Unavailable("away")] * 3, 2: [Unavailable("away")] * 99}
    await bench.submit(lines({}, {}))
    async with at_work(bench.runner()):
        batch = await bench.until(Status.COMPLETED)
    assert batch.counts == Counts(2, 1, 1)
    assert bench.written(batch.error_file_id)[0]["response"]["status_code"] == 503
    assert 60 < sum(bench.slept) < 300


async def test_what_waiting_does_not_change_fails_the_line(bench: Bench) -> None:
    bench.answers.scripts = {1: [BudgetSpent("spent")], 2: [InvalidArgument("no")], 3: ["break"]}
    await bench.submit(lines({}, {}, {}, {}))
    async with at_work(bench.runner()):
        batch = await bench.until(Status.COMPLETED)
    statuses = [line["response"]["status_code"] for line in bench.written(batch.error_file_id)]
    assert statuses == [402, 400, 500]
    assert "division" not in bench.house.contents.files[batch.error_file_id].decode()
    assert bench.slept == []


async def test_lines_are_asked_in_the_name_of_the_key(bench: Bench) -> None:
    order = KeyOrder("local", frozenset({Role.ADMIN}))
    await bench.house.keys.create(ADMIN, order)
    caller = await bench.house.keys.create(ADMIN, KeyOrder("local", frozenset({Role.CALLER}), subject="ann"))
    await bench.submit(lines({}), key_id=caller.record.id)
    async with at_work(bench.runner()):
        await bench.until(Status.COMPLETED)
    (asked,) = bench.answers.asked
    assert asked.principal == Principal("local", "ann", frozenset({Role.CALLER}), caller.record.id)
    assert (asked.pinned, asked.route) == (True, f"POST {CHAT}")


@pytest.mark.parametrize("how", ["revoked", "auditor", "no key"])
async def test_a_key_that_may_no_longer_ends_its_batch(bench: Bench, how: str) -> None:
    await bench.house.keys.create(ADMIN, KeyOrder("local", frozenset({Role.ADMIN})))
    role = Role.AUDITOR if how == "auditor" else Role.CALLER
    key = await bench.house.keys.create(ADMIN, KeyOrder("local", frozenset({role})))
    if how == "revoked":
        await bench.house.keys.revoke(ADMIN, key.record.id)
    await bench.submit(lines({}, {}), key_id="" if how == "no key" else key.record.id)
    async with at_work(bench.runner()):
        batch = await bench.until(Status.FAILED)
    assert bench.answers.asked == []
    assert [error.code for error in batch.errors] == [
        "permission_denied" if how == "auditor" else "unauthenticated"
    ]


async def test_what_was_answered_before_a_key_was_revoked_is_kept(bench: Bench) -> None:
    await bench.house.keys.create(ADMIN, KeyOrder("local", frozenset({Role.ADMIN})))
    key = await bench.house.keys.create(ADMIN, KeyOrder("local", frozenset({Role.CALLER})))
    bench.bounds = replace(bench.bounds, lines_at_once=1)
    bench.answers.scripts = {2: [Overloaded("full"), "never"]}

    async def revoke(seconds: float) -> None:
        await bench.house.keys.revoke(ADMIN, key.record.id)

    bench._sleep = revoke  # type: ignore[method-assign]
    await bench.submit(lines({}, {}, {}), key_id=key.record.id)
    async with at_work(bench.runner()):
        batch = await bench.until(Status.FAILED)
    assert batch.counts == Counts(3, 1, 0)
    assert [line["custom_id"] for line in bench.written(batch.output_file_id)] == ["id-1"]
    assert batch.error_file_id == ""


async def test_cancelling_gives_up_what_is_under_way_and_keeps_what_is_done(bench: Bench) -> None:
    bench.answers.scripts = {2: ["hang"]}
    await bench.submit(lines({}, {}))
    runner = bench.runner()
    async with at_work(runner):
        await bench.answers.entered.wait()
        await bench.seen(lambda batch: batch.counts.completed == 1)
        await bench.house.batch_store.change("batch_1", lambda each: each.cancelled(bench.now))
        runner.wake()
        batch = await bench.until(Status.CANCELLED)
    assert bench.answers.running == 0
    assert batch.counts == Counts(2, 1, 0)
    assert [line["custom_id"] for line in bench.written(batch.output_file_id)] == ["id-1"]
    assert batch.times.keys() >= {Status.CANCELLING, Status.CANCELLED}


async def test_a_batch_that_was_never_begun_is_cancelled(bench: Bench) -> None:
    await bench.submit(lines({}))
    await bench.house.batch_store.change("batch_1", lambda each: each.cancelled(bench.now))
    async with at_work(bench.runner()):
        batch = await bench.until(Status.CANCELLED)
    assert (batch.output_file_id, bench.answers.asked) == ("", [])


async def test_lines_that_the_window_was_too_short_for_are_told(bench: Bench) -> None:
    bench.answers.scripts = {1: [InvalidArgument("no")], 3: ["hang"], 4: ["hang"]}
    bench.bounds = replace(bench.bounds, lines_at_once=2)
    await bench.submit(lines({}, {}, {}, {}, {}))
    async with at_work(bench.runner()):
        await bench.seen(lambda batch: bench.answers.running == 2 and batch.counts == Counts(5, 1, 1))
    bench.now += timedelta(days=2)
    async with at_work(bench.runner()):
        batch = await bench.until(Status.EXPIRED)
    assert batch.counts == Counts(5, 1, 4)
    assert [line["custom_id"] for line in bench.written(batch.output_file_id)] == ["id-2"]
    first, *unrun = bench.written(batch.error_file_id)
    assert first["response"]["status_code"] == 400
    assert [line["custom_id"] for line in unrun] == ["id-3", "id-4", "id-5"]
    assert {line["error"]["code"] for line in unrun} == {"batch_expired"}
    assert all(line["response"] is None for line in unrun)


async def test_the_window_closes_while_lines_are_under_way(bench: Bench) -> None:
    bench.answers.scripts = {1: ["hang"]}
    batch_id = await bench.submit(lines({}))
    soon = bench.now + timedelta(seconds=0.05)
    await bench.house.batch_store.change(batch_id, lambda each: replace(each, expires_at=soon))
    async with at_work(bench.runner()):
        batch = await bench.until(Status.EXPIRED)
    assert batch.counts == Counts(1, 0, 1)


async def test_several_batches_run_beside_each_other(bench: Bench) -> None:
    bench.bounds = replace(bench.bounds, batches_at_once=2)
    bench.answers.scripts = {1: ["hang"]}
    for at in (1, 2, 3):
        await bench.submit(lines({}) if at == 1 else b"\n" + lines({}), at=at)
    async with at_work(bench.runner()):
        for at in (2, 3):
            await bench.until(Status.COMPLETED, f"batch_{at}")
        assert (await bench.batch()).status is Status.IN_PROGRESS


async def test_a_store_that_is_away_is_tried_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await bench.submit(lines({}))
    bench.bounds = replace(bench.bounds, renew_seconds=0.01)
    claim, away = bench.house.batch_store.claim, [Unavailable("busy")] * 3

    async def claims(*given: Any) -> Batch | None:
        if away:
            raise away.pop()
        return await claim(*given)

    monkeypatch.setattr(bench.house.batch_store, "claim", claims)
    async with at_work(bench.runner()):
        await bench.until(Status.COMPLETED)
    assert away == []
