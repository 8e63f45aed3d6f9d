"""From an evaluation that is done to what the registry has of it: with the version that was judged, once."""

from dataclasses import replace
from typing import Any

import pytest

from colonnade.errors import PermissionDenied, Unavailable
from colonnade.training.domain import Ending, Job, ModelVersion, Output, State, resumed
from colonnade.training.publishing.ports import Evaluation
from tests.unit.training.fakes import EVE, job
from tests.unit.training.house import House
from tests.unit.training.registries import RESULT
from tests.unit.training.test_publishing import published, until

FIGURES = {"loss": 2.5, "perplexity": 12.25, "top1": 0.5}
FOUND: dict[str, Any] = {**RESULT, "metrics": {"validation": FIGURES}}
RECIPE = 'kind: evaluate\nname: held-out\nmodel: {from: "registry:smol:3"}\n'
STEPS = ("resolve", "read", "read", "evaluated")


def submitted(*, register: bool = True) -> Job:
    found = job(kind="evaluate", name="held-out")
    asked = replace(found.asked, output=Output(register=register), brings={"model.from": "smol:3"})
    return replace(found, asked=asked, behalf=EVE, vouched_at=found.created_at)


@pytest.fixture
def house() -> House:
    house = House()
    house.outputs.said = FOUND
    return house


async def done(house: House, found: Job | None = None) -> ModelVersion:
    """Its worker is."""
    version = house.registry.has("smol:3", {"config.json": b"{}", "model.safetensors": b"base"})
    await house.put(found or submitted(), recipe=RECIPE)
    await until(house, lambda: bool(house.runner.starts))
    house.journal.tell(job().id, "evaluation", 0, loss=2.5)
    house.runner.end(house.job(), Ending.DONE)
    return version


async def test_what_was_found_is_recorded_with_the_version(house: House) -> None:
    version = await done(house)
    after = await published(house)
    assert (after.state, after.why) == (State.SUCCEEDED, "recorded with smol:3 as held-out")
    assert (after.produced, after.metrics) == (None, {"validation.loss": 2.5})
    assert house.registry.evaluations == {
        f"evaluate-{job().id}": Evaluation(version, "held-out", str(RESULT["token_set"]), FIGURES, job().id)
    }
    assert house.registry.calls == [(step, "acme/eve") for step in STEPS]
    assert house.registry.versions == []
    assert house.what() == ["submitted", "started", "publishing", "succeeded"]


@pytest.mark.parametrize("effect", [1, -1])
async def test_a_service_that_dies_in_the_midst_of_it_records_it_once(house: House, effect: int) -> None:
    house.registry.hangs_at = len(STEPS) * effect
    await done(house)
    await until(house, house.registry.hung.is_set)
    await house.aside.stop()
    house.registry.hangs_at = 0
    house.dispatcher = house.another("one")
    assert (await published(house)).state is State.SUCCEEDED
    assert len(house.registry.evaluations) == 1


async def test_a_registry_that_is_away_is_waited_for(house: House) -> None:
    house.registry.faults["evaluated"] = [Unavailable("not now")] * 3
    await done(house)
    assert (await published(house)).state is State.SUCCEEDED


async def test_a_refusal_fails_the_job_and_resuming_tries_again(house: House) -> None:
    house.registry.faults["evaluated"] = [PermissionDenied("the model smol belongs to the tenant globex")]
    await done(house)
    after = await published(house)
    assert after.state is State.FAILED
    assert after.why == "it is done, but was not recorded: the model smol belongs to the tenant globex"
    await house.store.change(
        job().id, lambda it: (resumed(it, house.clock(), by="acme/eve"), None), at=house.clock()
    )
    await until(house, lambda: len(house.runner.starts) == 2)
    house.runner.end(house.job(), Ending.DONE)
    assert (await published(house)).state is State.SUCCEEDED


async def test_what_is_to_be_recorded_nowhere_is_done_with_its_worker(house: House) -> None:
    await done(house, submitted(register=False))
    assert (await published(house)).state is State.SUCCEEDED
    assert house.registry.evaluations == {}


@pytest.mark.parametrize(
    "metrics",
    [
        None,
        [],
        {},
        {"validation": None},
        {"validation": {"loss": "x"}},
        {"validation": {"loss": float("nan")}},
    ],
)
async def test_a_result_without_figures_is_recorded_nowhere(house: House, metrics: object) -> None:
    house.outputs.said = {**RESULT, "metrics": metrics}
    await done(house)
    after = await published(house)
    assert after.state is State.FAILED
    assert "no figures" in after.why
    assert house.registry.evaluations == {}
