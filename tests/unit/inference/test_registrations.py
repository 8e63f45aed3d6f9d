"""Engines that come and go by lease, beside those of the settings."""

import asyncio
from dataclasses import dataclass, field

import pytest

from colonnade.errors import InvalidArgument
from colonnade.inference.domain.leases import Leases
from colonnade.inference.overview import Overview
from colonnade.inference.registrations import Registrations
from tests.unit.inference.clock import Clock
from tests.unit.inference.conftest import Router, Routing
from tests.unit.inference.fakes import FakeEngine, digest, work


@dataclass
class Desk:
    """Where engines register, and those that were connected for it."""

    router: Router
    clock: Clock = field(default_factory=Clock)
    connected: list[FakeEngine] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.leases = Leases(15, 8, self.clock)
        static = [engine.address for engine in self.router.engines]
        self.registrations = Registrations(self.router.placement, self.leases, self._connect, static)

    def _connect(self, address: str) -> FakeEngine:
        self.connected.append(FakeEngine(address, {digest("m")}))
        return self.connected[-1]

    async def arrived(self, address: str) -> FakeEngine:
        self.registrations.register(address, 0)
        await self.router.fleet.until(lambda: self.router.fleet.slot(address).view.ready)
        return self.connected[-1]


async def test_an_engine_that_registers_answers(routing: Routing) -> None:
    desk = Desk(await routing())
    engine = await desk.arrived("e:1")
    assert await desk.router.texts(work()) == ["a", "b"]
    assert len(engine.done) == 1
    assert desk.router.count("leased_engines") == 1
    [status] = Overview(desk.router.placement, desk.leases).engines()
    assert (status.view.address, status.why_not, status.lease_seconds) == ("e:1", "", 15)


async def test_renewing_keeps_the_same_engine(routing: Routing) -> None:
    desk = Desk(await routing())
    await desk.arrived("e:1")
    for _ in range(5):
        desk.clock.now += 14
        assert desk.registrations.register("e:1", 0) == 15
        desk.registrations.sweep()
    assert len(desk.connected) == 1
    assert "e:1" in desk.router.fleet


async def test_one_whose_lease_ran_out_gets_nothing_new_but_what_runs_goes_on(routing: Routing) -> None:
    desk = Desk(await routing(FakeEngine("static", {digest("m")}, outstanding_tokens=10_000)))
    engine = await desk.arrived("e:1")
    engine.submit_gate.clear()
    running = asyncio.create_task(desk.router.texts(work()))
    await engine.entered.wait()
    desk.clock.now += 15
    desk.registrations.sweep()
    assert "e:1" not in desk.router.fleet
    assert await desk.router.texts(work()) == ["a", "b"]
    assert (len(engine.done), len(desk.router.engines[0].done)) == (1, 1)
    assert engine.connected
    engine.submit_gate.set()
    assert await running == ["a", "b"]
    await engine.let_go.wait()
    assert desk.router.count("engine_up", engine="e:1") == 0


async def test_one_that_leaves_may_come_back_while_its_former_self_is_still_busy(routing: Routing) -> None:
    desk = Desk(await routing())
    engine = await desk.arrived("e:1")
    engine.submit_gate.clear()
    running = asyncio.create_task(desk.router.texts(work()))
    await engine.entered.wait()
    assert desk.registrations.deregister("e:1")
    assert not desk.registrations.deregister("e:1")
    again = await desk.arrived("e:1")
    assert again is not engine
    assert await desk.router.texts(work()) == ["a", "b"]
    engine.submit_gate.set()
    assert await running == ["a", "b"]
    await engine.let_go.wait()
    assert again.connected


async def test_one_of_the_settings_stays_whatever_becomes_of_its_lease(routing: Routing) -> None:
    desk = Desk(await routing(FakeEngine("unix:/static", {digest("m")})))
    desk.registrations.register("unix:/static", 0)
    assert desk.connected == []
    desk.clock.now += 20
    desk.registrations.sweep()
    assert await desk.router.texts(work()) == ["a", "b"]


async def test_leases_end_by_themselves(routing: Routing) -> None:
    desk = Desk(await routing())
    running = asyncio.create_task(desk.registrations.run())
    await desk.arrived("e:1")
    desk.clock.now += 20
    desk.registrations.register("e:2", 0)  # has it look at its clock
    await desk.router.fleet.until(lambda: "e:1" not in desk.router.fleet)
    assert "e:2" in desk.router.fleet
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize(
    ("address", "seconds", "field_name"),
    [
        ("", 0, "address"),
        ("e", 0, "address"),
        ("dns:///e:1", 0, "address"),
        ("unix:relative", 0, "address"),
        ("e:1 ", 0, "address"),
        ("x" * 300 + ":1", 0, "address"),
        ("e:1", -1, "lease_seconds"),
        ("e:1", float("nan"), "lease_seconds"),
        ("e:1", float("inf"), "lease_seconds"),
    ],
    ids=["empty", "no port", "resolver", "relative", "blank", "long", "negative", "nan", "infinite"],
)
async def test_nonsense_is_refused(routing: Routing, address: str, seconds: float, field_name: str) -> None:
    desk = Desk(await routing())
    with pytest.raises(InvalidArgument) as refused:
        desk.registrations.register(address, seconds)
    assert refused.value.details["field"] == field_name
    assert desk.router.fleet.slots == []
