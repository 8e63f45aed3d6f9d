"""What a run starts from: there before its worker is, what its reference meant at first, gone at the end."""

from dataclasses import replace

from colonnade.errors import Conflict
from colonnade.training.domain import Ending, Job, State, cancelled
from tests.unit.training.fakes import job
from tests.unit.training.house import House
from tests.unit.training.test_publishing import resume, submitted, until

RECIPE = 'name: plays\nsteps: 400\nmodel: {from: "registry:smol@production"}\noutput: {register: false}\n'
FILES = {"config.json": b"{}", "model.safetensors": b"base"}
FIELD = "model.from"


def wants() -> Job:
    found = submitted(brings={FIELD: "smol@production"})
    return replace(found, asked=replace(found.asked, output=type(found.asked.output)()))


async def begun(house: House) -> None:
    await house.put(wants(), recipe=RECIPE)
    await until(house, lambda: bool(house.runner.starts))


async def test_a_worker_begins_once_all_is_there() -> None:
    house = House()
    version = house.registry.has("smol:3", FILES)
    house.registry.known["smol@production"] = house.registry.known["smol:3"]
    await house.put(wants(), recipe=RECIPE)
    await house.turn()
    assert (house.job().state, house.runner.starts) == (State.RUNNING, [])
    await until(house, lambda: bool(house.runner.starts))
    assert house.models.files[job().id, FIELD] == FILES
    assert house.job().brought == {FIELD: version}
    assert {who for _, who in house.registry.calls} == {"acme/eve"}


async def test_an_alias_that_moves_changes_no_run() -> None:
    house = House()
    first = house.registry.has("smol:3", FILES)
    house.registry.known["smol@production"] = house.registry.known["smol:3"]
    await begun(house)
    house.registry.has("smol:4", {"config.json": b"{}", "model.safetensors": b"other"})
    house.registry.known["smol@production"] = house.registry.known["smol:4"]
    await house.models.take_away(job().id)
    house.runner.end(house.job())
    await until(house, lambda: len(house.runner.starts) == 2)
    assert house.job().brought == {FIELD: first}
    assert house.models.files[job().id, FIELD] == FILES


async def test_a_registry_that_is_away_is_waited_for() -> None:
    house = House()
    house.registry.has("smol:3", FILES)
    house.registry.known["smol@production"] = house.registry.known["smol:3"]
    house.registry.away = True
    await house.put(wants(), recipe=RECIPE)
    await until(house, lambda: house.job().why.startswith("it waits"))
    assert house.runner.starts == []
    house.registry.away = False
    await until(house, lambda: bool(house.runner.starts))
    house.journal.tell(job().id, "step", 1, loss=2.0)
    await house.turn()
    assert house.job().why == ""


async def test_what_is_not_there_or_is_no_model_fails_the_job() -> None:
    house = House()
    await house.put(wants(), recipe=RECIPE)
    await until(house, lambda: house.job().state.ended)
    assert (house.job().state, house.runner.starts) == (State.FAILED, [])
    assert "smol@production" in house.job().why
    other = House()
    other.registry.has("smol@production:3", FILES, adapter=True)
    other.registry.known["smol@production"] = other.registry.known["smol@production:3"]
    await other.put(wants(), recipe=RECIPE)
    await until(other, lambda: other.job().state.ended)
    assert "is an adapter" in other.job().why
    other.registry.has("smol@production:3", FILES)
    other.registry.known["smol@production"] = other.registry.known["smol@production:3"]
    await resume(other)
    await until(other, lambda: bool(other.runner.starts))
    assert other.runner.starts == [(job().id, 2)]


async def test_a_job_that_is_cancelled_while_something_is_brought_has_no_worker() -> None:
    house = House()
    house.registry.has("smol:3", FILES)
    house.registry.known["smol@production"] = house.registry.known["smol:3"]
    house.registry.hangs_at = 2
    await house.put(wants(), recipe=RECIPE)
    await until(house, house.registry.hung.is_set)
    await house.store.change(
        job().id, lambda found: (cancelled(found, house.clock(), by="x/y"), None), at=house.clock()
    )
    await until(house, lambda: house.job().state.ended)
    assert (house.job().state, house.runner.starts) == (State.CANCELLED, [])


async def test_what_arrives_broken_is_refused() -> None:
    house = House()
    house.registry.has("smol:3", FILES)
    house.registry.known["smol@production"] = house.registry.known["smol:3"]
    house.registry.faults["read"] = [Conflict("arrived as something else")]
    await house.put(wants(), recipe=RECIPE)
    await until(house, lambda: house.job().state.ended)
    assert house.job().why == "arrived as something else"


async def test_what_ended_jobs_had_is_taken_away() -> None:
    house = House()
    house.registry.has("smol:3", FILES)
    house.registry.known["smol@production"] = house.registry.known["smol:3"]
    await begun(house)
    await house.turn(61)
    assert await house.models.kept() == [job().id]
    house.runner.end(house.job(), Ending.DONE)
    await house.turn(61)
    assert house.job().state is State.SUCCEEDED
    assert await house.models.kept() == []
