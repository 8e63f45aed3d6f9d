"""What people and gateways ask of rollouts."""

import pytest

from colonnade.errors import ColonnadeError, Conflict, InvalidArgument, NotFound
from colonnade.registry.rollouts.machine import State
from colonnade.registry.rollouts.plan import Plan, Step
from colonnade.registry.rollouts.service import Order
from tests.unit.registry.fakes import ENGINEER
from tests.unit.registry.rollouts.house import GATE, STEPS, House


async def test_what_gateways_are_told(house: House) -> None:
    rollout_id = await house.start(plan=Plan((GATE,), Step(20, 60), STEPS))
    resolution = await house.registry.resolve("smol")
    watched = await house.rollouts.watched(resolution)
    assert watched is not None
    assert (watched.candidate.version, watched.stable and watched.stable.version) == (2, 1)
    assert (watched.rollout.id, watched.rollout.shadow_percent) == (rollout_id, 0)
    assert await house.rollouts.watched(await house.registry.resolve("smol:1")) is None
    async with house.running():
        await house.until(rollout_id, State.SHADOW)
    watched = await house.rollouts.watched(resolution)
    assert watched is not None
    assert watched.rollout.shadow_percent == 20


@pytest.mark.parametrize(
    ("order", "error", "field"),
    [
        (Order("nobody", 1), NotFound, "version"),
        (Order("smol", 9), NotFound, "version"),
        (Order("smol", 0), NotFound, "version"),
        (Order("Smol!", 1), InvalidArgument, "model"),
        (Order("smol", 2, alias="Not one"), InvalidArgument, "alias"),
        (Order("smol", 2, policy="brave"), NotFound, "policy"),
        (Order("smol", 2, policy="quick", plan=Plan()), InvalidArgument, "plan"),
        (Order("smol", 1), InvalidArgument, "version"),
        (Order("smol", 2, idempotency_key="not a key"), InvalidArgument, "idempotency_key"),
        (Order("smol", 2, why="x" * 1001), ColonnadeError, "why"),
    ],
    ids=["no-model", "no-version", "zero", "name", "alias", "policy", "both", "there", "key", "why"],
)
async def test_bad_orders(house: House, order: Order, error: type[ColonnadeError], field: str) -> None:
    with pytest.raises(error) as caught:
        await house.rollouts.start(order, ENGINEER)
    assert caught.value.details["field"] == field
    assert await house.means() == {1: 100}


async def test_bad_changes(house: House) -> None:
    with pytest.raises(NotFound):
        await house.rollouts.get("ro_none")
    with pytest.raises(NotFound):
        await house.rollouts.change("ro_none", "pause", ENGINEER)
    with pytest.raises(InvalidArgument, match="pause, resume, promote, roll_back"):
        await house.rollouts.change(await house.start(), "explode", ENGINEER)
    with pytest.raises(InvalidArgument):
        await house.rollouts.page(page_size=-1)


async def test_a_key_begins_one_and_pages_go_on(house: House) -> None:
    first = await house.start(plan=Plan((GATE,)), idempotency_key="k")
    assert await house.start(plan=Plan((GATE,)), idempotency_key="k") == first
    with pytest.raises(Conflict):
        await house.start(plan=Plan(), idempotency_key="k")
    await house.rollouts.change(first, "roll_back", ENGINEER)
    second = await house.start(plan=Plan((GATE,)))
    found, token = await house.rollouts.page(page_size=1)
    rest, end = await house.rollouts.page(page_size=1, page_token=token)
    assert [each.rollout.id for each in (*found, *rest)] == [second, first]
    assert end == ""
