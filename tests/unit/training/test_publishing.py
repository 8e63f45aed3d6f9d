"""From a run that is done to a version: in the submitter's name, once, whatever breaks, and whenever."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from colonnade.errors import (
    ColonnadeError,
    Conflict,
    DeadlineExceeded,
    Internal,
    Overloaded,
    PermissionDenied,
    Unavailable,
)
from colonnade.security.identity import Principal
from colonnade.training.domain import (
    Ending,
    Job,
    ModelVersion,
    Output,
    State,
    cancelled,
    registering,
    resumed,
    retried,
)
from colonnade.training.domain.job import started
from tests.unit.training.fakes import EVE, HOME, job
from tests.unit.training.house import House
from tests.unit.training.registries import LEFT, RESULT, digest_of

LIMIT = 20.0
RECIPE = "name: plays\nsteps: 400\n"
OUTPUT = Output(register=True, model="bard", description="for the stage")
STEPS = ("begin", "announce", "write", "announce", "write", "announce", "write", "seal", "describe", "record")


def submitted(
    number: int = 1, output: Output = OUTPUT, brings: dict[str, str] | None = None, who: Principal = EVE
) -> Job:
    found = job(number)
    asked = replace(found.asked, output=output, brings=brings or {})
    return replace(found, asked=asked, behalf=who, vouched_at=found.created_at)


@pytest.fixture
def house() -> House:
    return House()


async def until(house: House, found: Callable[[], bool], seconds: float = 0.1) -> None:
    async with asyncio.timeout(LIMIT):
        while not found():
            await house.turn(seconds)
            await asyncio.sleep(0.001)


async def done(house: House, found: Job | None = None, recipe: str = RECIPE) -> None:
    """Its worker is."""
    await house.put(found or submitted(), recipe=recipe)
    await house.turn()
    house.journal.tell(job().id, "step", 200, loss=2.0)
    house.journal.tell(job().id, "step", 400, loss=1.0)
    house.journal.tell(job().id, "evaluation", 400, loss=1.5)
    house.runner.end(house.job(), Ending.DONE)


async def published(house: House) -> Job:
    await until(house, lambda: house.job().state.ended)
    return house.job()


async def resume(house: House) -> None:
    await house.store.change(
        job().id, lambda it: (resumed(it, house.clock(), by="acme/eve"), None), at=house.clock()
    )


async def test_what_a_run_made_becomes_a_version(house: House) -> None:
    await done(house)
    after = await published(house)
    version = house.registry.versions[0]
    assert (after.state, after.produced, after.why) == (State.SUCCEEDED, version, "registered as bard:1")
    assert house.what() == ["submitted", "started", "publishing", "succeeded"]
    assert house.trail.records[-1][3]["version"] == "bard:1"
    assert house.registry.calls == [(step, "acme/eve") for step in STEPS]
    sent = house.registry.drafts[f"train-{job().id}-0"]
    assert {path: bytes(content) for path, content in sent.items()} | {"README.md": b""} == LEFT | {
        "README.md": b""
    }
    card = sent["README.md"].decode()
    for expected in ("# bard", "for the stage", "Speaks like a play.", job().id, "acme/eve", RECIPE.strip()):
        assert expected in card
    assert "| 200 | 2.0000 |" in card
    said = house.registry.said
    assert said["tags"] == {"run": job().id, "recipe": RESULT["recipe_digest"]}
    assert [(each.key, each.step, each.value) for each in said["metrics"]] == [
        ("loss", 200, 2.0), ("loss", 400, 1.0), ("validation.loss", 400, 1.5),
    ]  # fmt: skip
    assert {(edge.source.kind, edge.relation, edge.target.kind) for edge in said["edges"]} == {
        ("version", "produced_by", "run"), ("version", "trained_on", "dataset"),
        ("run", "trained_on", "dataset"), ("version", "built_from", "commit"),
        ("run", "built_from", "commit"),
    }  # fmt: skip
    await house.turn()
    assert house.job() == after


@pytest.mark.parametrize("effect", [1, -1])
@pytest.mark.parametrize("at", range(1, len(STEPS) + 1))
async def test_a_service_that_dies_at_any_step_leaves_one_version(house: House, at: int, effect: int) -> None:
    """Before the step had its effect, and after."""
    house.registry.hangs_at = at * effect
    await done(house)
    await until(house, house.registry.hung.is_set)
    await house.aside.stop()
    house.registry.hangs_at = 0
    house.dispatcher = house.another("one")
    after = await published(house)
    assert (after.state, after.produced) == (State.SUCCEEDED, house.registry.versions[0])
    assert len(house.registry.versions) == 1
    assert list(house.registry.drafts) == [f"train-{job().id}-0"]
    sent = house.registry.drafts[f"train-{job().id}-0"]
    assert {path: digest_of(bytes(sent[path])) for path in LEFT} == {
        path: digest_of(content) for path, content in LEFT.items()
    }


@pytest.mark.parametrize("step", sorted(set(STEPS)))
@pytest.mark.parametrize("fault", [Unavailable, Overloaded, DeadlineExceeded])
async def test_what_passes_is_waited_for(house: House, step: str, fault: type[ColonnadeError]) -> None:
    house.registry.faults[step] = [fault("not now"), fault("not now")]
    await done(house)
    waited: list[str] = []

    def over() -> bool:
        waited.append(house.job().why)
        return house.job().state.ended

    await until(house, over)
    assert "it waits: not now" in waited
    assert (house.job().state, len(house.registry.versions)) == (State.SUCCEEDED, 1)


async def test_a_registry_that_is_away_is_waited_for_and_holds_no_slot(house: House) -> None:
    house.registry.away = True
    await done(house)
    await until(house, lambda: house.job().why.startswith("it waits"))
    assert await house.store.under_way() == []
    assert "not reachable" in house.job().why
    house.registry.away = False
    assert (await published(house)).state is State.SUCCEEDED


async def test_a_refusal_fails_the_job_and_resuming_tries_again(house: House) -> None:
    house.registry.faults["begin"] = [PermissionDenied("the model bard belongs to the tenant globex")]
    await done(house)
    after = await published(house)
    assert (after.state, after.produced) == (State.FAILED, None)
    assert after.why == (
        "its run is done, but was not registered: the model bard belongs to the tenant globex"
    )
    await resume(house)
    await house.turn()
    house.runner.end(house.job(), Ending.DONE)
    after = await published(house)
    assert (after.state, after.attempt) == (State.SUCCEEDED, 2)
    assert list(house.registry.drafts) == [f"train-{job().id}-0"]


async def test_a_fault_of_ours_is_tried_again_a_number_of_times(house: House) -> None:
    house.registry.faults["seal"] = [Internal("hidden")] * 8
    await done(house)
    assert (await published(house)).state is State.FAILED
    assert house.registry.faults["seal"] == []


async def test_what_is_refused_once_the_version_is_there_stops_nothing(house: House) -> None:
    house.registry.faults = {
        "record": [Conflict("it would close a cycle")],
        "roll_out": [Conflict("another rollout is under way")],
    }
    await done(house, submitted(output=replace(OUTPUT, rollout="careful", alias="live")))
    after = await published(house)
    assert (after.state, after.produced) == (State.SUCCEEDED, house.registry.versions[0])
    assert after.why == "registered as bard:1; it would close a cycle; another rollout is under way"


async def test_an_alias_is_moved_and_a_rollout_begun(house: House) -> None:
    await done(house, submitted(output=replace(OUTPUT, alias="live")))
    await published(house)
    assert house.registry.said["alias"] == "live"
    assert "rollout" not in house.registry.said
    other = House()
    await done(other, submitted(output=replace(OUTPUT, alias="live", rollout="careful")))
    await published(other)
    assert other.registry.said["rollout"] == ("live", "careful", f"train-{job().id}")
    assert "alias" not in other.registry.said


async def test_drafts_that_somebody_discarded_are_begun_anew(house: House) -> None:
    house.registry.state = "discarded"
    await done(house)
    assert (await published(house)).produced == house.registry.versions[0]
    assert list(house.registry.drafts) == [f"train-{job().id}-{number}" for number in (0, 1)]


async def test_a_draft_that_is_being_sealed_is_waited_for(house: House) -> None:
    house.registry.state = "importing"
    house.registry.faults["seal"] = [Conflict("the draft is importing")] * 3
    await done(house)
    assert (await published(house)).state is State.SUCCEEDED
    assert "write" not in {name for name, _ in house.registry.calls}


async def test_rights_of_long_ago_are_none_until_somebody_resumes_it(house: House) -> None:
    house.registry.away = True
    await done(house)
    await until(house, lambda: house.job().why.startswith("it waits"))
    house.registry.away = False
    house.clock.pass_by(timedelta(days=31).total_seconds())
    after = await published(house)
    assert after.state is State.FAILED
    assert "COLONNADE_TRAINING_RIGHTS_DAYS" in after.why
    assert house.registry.calls == []
    await resume(house)
    await house.turn()
    house.runner.end(house.job(), Ending.DONE)
    assert (await published(house)).state is State.SUCCEEDED


async def test_a_job_of_which_nobodys_rights_are_known_registers_nothing(house: House) -> None:
    await done(house, replace(submitted(), behalf=None))
    assert (await published(house)).state is State.FAILED
    assert house.registry.calls == []


def test_who_retries_for_another_tenant_lends_it_no_rights(house: House) -> None:
    over = cancelled(submitted(), house.clock(), by="acme/eve")
    again = retried(over, "job_2", "local/root", house.clock(), behalf=HOME)
    assert (again.by, again.tenant, again.behalf) == ("local/root", "acme", EVE)
    colleague = replace(EVE, subject="bob")
    assert retried(over, "job_2", "acme/bob", house.clock(), behalf=colleague).behalf == colleague


async def test_a_job_that_is_cancelled_while_it_is_published(house: House) -> None:
    house.registry.hangs_at = 3
    await done(house)
    await until(house, house.registry.hung.is_set)
    await house.cancel()
    await house.turn()
    house.registry.hangs_at = 0
    for _ in range(3):
        await house.turn()
    assert (house.job().state, house.registry.versions) == (State.CANCELLED, [])
    await resume(house)
    await house.turn()
    house.runner.end(house.job(), Ending.DONE)
    assert (await published(house)).produced == house.registry.versions[0]


async def test_a_version_that_came_of_a_cancelled_job_is_named(house: House) -> None:
    house.registry.hangs_at = -STEPS.index("seal") - 1
    await done(house)
    await until(house, house.registry.hung.is_set)
    version = house.registry.versions[0]
    await house.cancel()
    after = registering.sealed(house.job(), 1, version)
    assert (after.state, after.produced) == (State.CANCELLED, version)


async def test_a_worker_that_was_done_before_it_could_be_stopped(house: House) -> None:
    await house.put(submitted(), recipe=RECIPE)
    await house.turn()
    await house.cancel()
    house.runner.end(house.job(), Ending.DONE)
    await house.turn()
    assert house.job().state is State.CANCELLED
    assert "resume it to register" in house.job().why.lower()
    assert house.registry.calls == []


async def test_of_two_services_the_one_that_hands_out_work_publishes(house: House) -> None:
    house.registry.hangs_at = 4
    await done(house)
    await until(house, house.registry.hung.is_set)
    first, other = house.dispatcher, house.another("two")
    house.registry.hangs_at = 0
    house.clock.pass_by(31)
    house.dispatcher = other
    await house.turn()
    await first.turn()
    assert (await published(house)).produced == house.registry.versions[0]
    assert len(house.registry.versions) == 1


async def test_an_adapter_is_registered_beside_its_base(house: House) -> None:
    base = house.registry.has("smol:3", {"config.json": b"{}", "model.safetensors": b"base"})
    house.registry.known["smol@production"] = house.registry.known["smol:3"]
    found = submitted(output=replace(OUTPUT, adapter=True), brings={"model.from": "smol@production"})
    await house.put(found, recipe='name: plays\nsteps: 400\nmodel: {from: "registry:smol@production"}\n')
    await until(house, lambda: bool(house.runner.starts))
    house.runner.end(house.job(), Ending.DONE)
    after = await published(house)
    assert after.state is State.SUCCEEDED
    assert house.registry.said["base"] == "smol:3"
    assert house.outputs.adapters == [True]
    parents = [edge for edge in house.registry.said["edges"] if edge.relation == "derived_from"]
    assert {(edge.source.kind, edge.target.id) for edge in parents} == {
        ("run", base.digest), ("version", base.digest)
    }  # fmt: skip


def test_what_an_older_attempt_says_changes_nothing() -> None:
    version = ModelVersion("bard", 1, f"sha256:{'0' * 64}")
    running = started(submitted(), submitted().created_at)
    publishing = replace(running, state=State.PUBLISHING, attempt=2)
    at = running.created_at
    for found in (
        registering.published(publishing, 1, "x", at),
        registering.not_published(publishing, 1, "x", at),
        registering.sealed(publishing, 1, version),
        registering.noted(publishing, 1, "x"),
        registering.brought(publishing, 1, "model.from", version),
    ):
        assert found == publishing
    for act in (registering.published, registering.not_published):
        assert act(running, 1, "x", at) == running
    assert registering.sealed(running, 1, version) == running
