"""An import: fetched by the registry, followed to its end, called off where somebody cancels it."""

import asyncio
from dataclasses import replace

import pytest

from colonnade.errors import Conflict, InvalidArgument, PermissionDenied, Unavailable
from colonnade.training.domain import Ending, Job, Output, State
from colonnade.training.publishing.ports import Draft
from colonnade.training.queue import Slots
from tests.unit.training.fakes import EVE, job
from tests.unit.training.house import RULES, House
from tests.unit.training.test_publishing import published, resume, until

SOURCE = "https://host/model.gguf"
RECIPE = f"kind: import\nname: qwen\nsource: {{url: '{SOURCE}'}}\n"
WAITS, FETCHES = Draft("", 0, "waiting"), Draft("", 0, "importing", "fetch model.gguf", 0.5)
READY, FAILED = Draft("", 0, "ready"), Draft("", 0, "failed", "model.gguf is no GGUF file")
STEPS = ("begin", "look", "look", "seal", "describe", "record")


OUTPUT = Output(register=True, model="qwen", description="d")


def submitted(number: int = 1) -> Job:
    found = job(number, kind="import", name="qwen")
    asked = replace(found.asked, output=OUTPUT, source=SOURCE)
    return replace(found, asked=asked, behalf=EVE, vouched_at=found.created_at)


@pytest.fixture
def house() -> House:
    house = House()
    house.registry.course = [WAITS, FETCHES, READY]
    return house


async def put(house: House, *found: Job) -> None:
    await house.put(*(found or (submitted(),)), recipe=RECIPE)


async def test_what_the_registry_fetches_is_the_jobs_version(house: House) -> None:
    await put(house)
    after = await published(house)
    version = house.registry.versions[0]
    assert (after.state, after.produced, after.why) == (State.SUCCEEDED, version, "registered as qwen:1")
    assert house.what() == ["submitted", "started", "succeeded"]
    assert house.registry.calls == [(step, "acme/eve") for step in STEPS]
    said = house.registry.said
    assert (said["source"], said["newest"], said["description"]) == (SOURCE, "imported", "d")
    assert (said["tags"], list(said["metrics"])) == ({"run": job().id}, [])
    assert [(edge.source.kind, edge.relation, edge.target.kind) for edge in said["edges"]] == [
        ("version", "produced_by", "run")
    ]
    assert house.runner.starts == []


async def test_how_far_it_is_is_told(house: House) -> None:
    house.registry.course = [WAITS, FETCHES]
    await put(house)
    await until(house, lambda: house.job().metrics.get("fraction", 0) > 0)
    assert (house.job().metrics, house.job().why) == ({"fraction": 0.5}, "fetch model.gguf")
    house.registry.course.append(READY)
    assert (await published(house)).state is State.SUCCEEDED


async def test_it_takes_no_slot_and_waits_for_none() -> None:
    house = House(replace(RULES, slots=Slots(1)))
    house.registry.course = [FETCHES]
    await house.put(*(job(number) for number in range(1, 5)))
    await put(house, submitted(9), submitted(10))
    await house.turn()
    assert house.runner.starts == [(job(1).id, 1)]
    assert [house.job(number).state for number in (9, 10)] == [State.PUBLISHING] * 2
    house.runner.end(house.job(1), Ending.DONE)
    await house.turn()
    assert house.runner.starts[1:] == [(job(2).id, 1)]
    await house.aside.stop()


@pytest.mark.parametrize("effect", [1, -1])
@pytest.mark.parametrize("at", range(1, len(STEPS) + 1))
async def test_a_service_that_dies_at_any_step_leaves_one_version(house: House, at: int, effect: int) -> None:
    house.registry.hangs_at = at * effect
    await put(house)
    await until(house, house.registry.hung.is_set)
    await house.aside.stop()
    house.registry.hangs_at = 0
    house.dispatcher = house.another("one")
    assert (await published(house)).state is State.SUCCEEDED
    assert len(house.registry.versions) == 1
    assert list(house.registry.drafts) == [f"import-{job().id}-0"]


@pytest.mark.parametrize("step", sorted(set(STEPS)))
async def test_what_passes_is_waited_for(house: House, step: str) -> None:
    house.registry.faults[step] = [Unavailable("not now")] * 2
    await put(house)
    assert (await published(house)).state is State.SUCCEEDED


async def test_a_refused_source_fails_the_job_in_the_registrys_words(house: House) -> None:
    words = "host is not among COLONNADE_REGISTRY_IMPORT_URLS"
    house.registry.faults["begin"] = [InvalidArgument(words, field="source")]
    await put(house)
    after = await published(house)
    assert (after.state, after.why) == (State.FAILED, f"it was not imported: {words}")


async def test_what_failed_is_discarded_and_resuming_begins_anew(house: House) -> None:
    house.registry.course = [FETCHES, FAILED]
    await put(house)
    after = await published(house)
    assert (after.state, after.why) == (State.FAILED, "it was not imported: model.gguf is no GGUF file")
    assert house.registry.discarded == {1}
    house.registry.course = [FETCHES, READY]
    await resume(house)
    assert (await published(house)).state is State.SUCCEEDED
    assert list(house.registry.drafts) == [f"import-{job().id}-{number}" for number in (0, 1)]


async def test_a_draft_that_somebody_else_discards_fails_the_job(house: House) -> None:
    house.registry.course = [FETCHES]
    await put(house)
    await until(house, lambda: bool(house.job().metrics))
    house.registry.discarded.add(1)
    assert "resume the job" in (await published(house)).why


async def test_cancelling_discards_the_draft(house: House) -> None:
    house.registry.course = [FETCHES]
    await put(house)
    await until(house, lambda: bool(house.job().metrics))
    await house.cancel()
    assert house.job().state is State.STOPPING
    after = await published(house)
    assert (after.state, after.why) == (State.CANCELLED, "cancelled by x/y")
    assert house.registry.discarded == {1}
    looks = house.registry.calls.count(("look", "acme/eve"))
    for _ in range(3):
        await house.turn()
        await asyncio.sleep(0.005)
    assert house.registry.calls.count(("look", "acme/eve")) == looks, "nobody follows it any more"


@pytest.mark.parametrize("fault", [Unavailable("not now"), Conflict("the draft is ready")])
async def test_it_is_called_off_as_soon_as_that_can_be(house: House, fault: Unavailable | Conflict) -> None:
    house.registry.course = [FETCHES]
    house.registry.faults["discard"] = [fault]
    await put(house)
    await until(house, lambda: bool(house.job().metrics))
    await house.cancel()
    assert (await published(house)).state is State.CANCELLED
    assert house.registry.discarded == {1}


async def test_a_service_that_dies_while_it_calls_off_goes_on_with_that(house: House) -> None:
    house.registry.course = [FETCHES]
    await put(house)
    await until(house, lambda: bool(house.job().metrics))
    house.registry.away = True
    await house.cancel()
    await until(house, lambda: house.job().state is State.STOPPING)
    await house.aside.stop()
    house.registry.away = False
    house.dispatcher = house.another("one")
    assert (await published(house)).state is State.CANCELLED
    assert house.registry.discarded == {1}


async def test_a_version_that_is_there_by_then_stays(house: House) -> None:
    house.registry.course = [FETCHES]
    await put(house)
    await until(house, lambda: bool(house.job().metrics))
    await house.cancel()
    house.registry.course = [READY]
    after = await published(house)
    assert (after.state, after.produced) == (State.CANCELLED, house.registry.versions[0])
    assert "qwen:1 was there by then" in after.why


async def test_what_may_not_be_called_off_is_said(house: House) -> None:
    house.registry.course = [FETCHES]
    await put(house)
    await until(house, lambda: bool(house.job().metrics))
    house.registry.faults["discard"] = [PermissionDenied("the model qwen belongs to the tenant globex")]
    await house.cancel()
    after = await published(house)
    assert after.state is State.CANCELLED
    assert "stays there: the model qwen belongs" in after.why


async def test_a_queued_one_is_cancelled_at_once(house: House) -> None:
    await put(house)
    await house.cancel()
    await house.turn()
    assert (house.job().state, house.registry.calls) == (State.CANCELLED, [])
