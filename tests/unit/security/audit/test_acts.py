"""What is written down before a privileged act, and after it."""

import asyncio
from typing import Any

import pytest

from colonnade.errors import NotFound, Unavailable
from colonnade.security.audit import privileged
from colonnade.security.identity import Principal

ANN = Principal("acme", "ann", frozenset())
EITHER = pytest.mark.parametrize("acknowledge", [True, False], ids=["recorded", "noted"])


class Trail:
    """``full``: from this many records on, none can be written."""

    def __init__(self, full: int = 9) -> None:
        self.written: list[tuple[str, dict[str, Any]]] = []
        self._full = full

    async def record(self, action: str, principal: Principal, outcome: str, **facts: Any) -> None:
        if len(self.written) >= self._full:
            raise Unavailable("the disk is full")
        self.written.append((outcome, facts))

    def note(self, action: str, principal: Principal, outcome: str, **facts: Any) -> None:
        if len(self.written) < self._full:
            self.written.append((outcome, facts))


@EITHER
async def test_an_act_is_announced_and_its_outcome_joins(acknowledge: bool) -> None:
    trail = Trail()
    async with privileged(trail, "alias.set", ANN, acknowledge=acknowledge, model="m") as learnt:
        assert trail.written == [("begun", {"model": "m"})]
        learnt["revision"] = 2
    assert trail.written[1:] == [("ok", {"model": "m", "revision": 2})]


@EITHER
@pytest.mark.parametrize(
    ("error", "outcome", "facts"),
    [
        (NotFound("nowhere"), "refused", {"code": "not_found"}),
        (asyncio.CancelledError(), "cancelled", {}),
        (RuntimeError("broken"), "failed", {}),
    ],
    ids=["refused", "cancelled", "failed"],
)
async def test_how_it_ended(
    acknowledge: bool, error: BaseException, outcome: str, facts: dict[str, str]
) -> None:
    trail = Trail()
    with pytest.raises(type(error)):
        async with privileged(trail, "alias.set", ANN, acknowledge=acknowledge):
            raise error
    assert trail.written[1:] == [(outcome, facts)]


@EITHER
async def test_what_cannot_be_recorded_is_not_done(acknowledge: bool) -> None:
    done = False
    with pytest.raises(Unavailable):
        async with privileged(Trail(full=0), "alias.set", ANN, acknowledge=acknowledge):
            done = True
    assert not done


async def test_an_act_that_must_be_acknowledged_fails_without_its_last_record() -> None:
    with pytest.raises(Unavailable):
        async with privileged(Trail(full=1), "alias.set", ANN, acknowledge=True):
            pass


async def test_another_is_done_all_the_same() -> None:
    trail = Trail(full=1)
    async with privileged(trail, "alias.set", ANN, acknowledge=False):
        pass
    assert [outcome for outcome, _ in trail.written] == ["begun"]
