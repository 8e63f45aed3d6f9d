"""Gateways that stop, die or are taken for dead: another one goes on, and no line has two results."""

from dataclasses import replace
from datetime import timedelta

from colonnade.gateway.domain.batches import Counts, Status
from tests.unit.gateway.batches.bench import Bench, at_work, lines


async def test_who_stops_in_the_middle_is_followed_by_another(bench: Bench) -> None:
    bench.bounds = replace(bench.bounds, lines_at_once=2)
    bench.answers.scripts = {5: ["hang", "ok"]}
    await bench.submit(lines(*[{}] * 8))
    async with at_work(bench.runner()):
        await bench.answers.entered.wait()
        await bench.seen(lambda batch: batch.counts.completed == 7)
    asked = len(bench.answers.asked)
    async with at_work(bench.runner()):
        batch = await bench.until(Status.COMPLETED)
    assert len(bench.answers.asked) - asked == 1, "lines that have results are not asked again"
    assert [line["custom_id"] for line in bench.written(batch.output_file_id)] == [
        f"id-{at}" for at in range(1, 9)
    ]


async def test_a_batch_that_was_taken_over_is_left_alone(bench: Bench) -> None:
    bench.answers.scripts = {1: ["hang", "ok"]}
    await bench.submit(lines({}))
    first, second = bench.runner(), bench.runner()
    async with at_work(first):
        await bench.answers.entered.wait()
        bench.now += timedelta(seconds=bench.bounds.lease_seconds)
        async with at_work(second):
            batch = await bench.until(Status.COMPLETED)
            first.wake()
            await bench.seen(lambda batch: not bench.answers.running)
    assert batch.counts == Counts(1, 1, 0)
    assert len(bench.answers.asked) == 2


async def test_two_gateways_on_one_database_ask_every_line_once(on_disk: Bench) -> None:
    on_disk.bounds = replace(on_disk.bounds, renew_seconds=0.02, batches_at_once=1)
    for at in (1, 2, 3):
        await on_disk.submit(b"\n" * 100 * at + lines(*[{}] * 20), at=at)
    async with at_work(on_disk.runner()), at_work(on_disk.runner()):
        found = [await on_disk.until(Status.COMPLETED, f"batch_{at}") for at in (1, 2, 3)]
    asked = [exchange.request_id for exchange in on_disk.answers.asked]
    assert len(asked) == len(set(asked)) == 60
    for batch in found:
        assert batch.counts == Counts(20, 20, 0)
        assert [line["custom_id"] for line in on_disk.written(batch.output_file_id)] == [
            f"id-{at}" for at in range(1, 21)
        ]


async def test_what_one_gateway_leaves_another_finishes_from_disk(on_disk: Bench) -> None:
    on_disk.answers.scripts = {7: ["hang"]}
    await on_disk.submit(lines(*[{}] * 7))
    async with at_work(on_disk.runner()):
        await on_disk.seen(lambda batch: batch.counts.completed == 6)
    async with at_work(on_disk.runner()):
        batch = await on_disk.until(Status.COMPLETED)
    assert len(on_disk.written(batch.output_file_id)) == 7
    assert len(on_disk.answers.asked) == 8
