"""What every runner does: on this machine, on a Ray cluster, and through RayJobs of Kubernetes.

Ray's head and Kubernetes are servers that speak their protocol; what they start are real processes.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from colonnade.errors import NotFound, Unavailable
from colonnade.training.domain import Ending, Sight, Worker
from tests.contract.training.places import (
    ALIVE,
    CRASH,
    DONE,
    HANG,
    REFUSE,
    STUBBORN,
    Place,
    attempt,
    gone,
    is_there,
    on_kubernetes,
    on_ray,
    on_this_machine,
    until,
)

PLACES = {"process": on_this_machine, "ray": on_ray, "kubernetes": on_kubernetes}


@pytest.fixture(params=PLACES)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    async with PLACES[request.param](tmp_path / "jobs") as place:
        yield place


async def test_a_worker_is_started_once_and_says_how_it_ended(place: Place) -> None:
    runner = place.runner()
    assert await runner.look(attempt()) == Worker(Sight.NEVER)
    await runner.start(attempt(), DONE)
    assert await gone(runner, attempt()) == Worker(Sight.GONE, Ending.DONE)
    await runner.start(attempt(), DONE)
    assert await runner.look(attempt()) == Worker(Sight.GONE, Ending.DONE)
    assert len(place.pids) == 1
    assert place.folder.recipe.read_text() == DONE
    with pytest.raises(NotFound):
        await runner.look(replace(attempt(), id="../job"))


@pytest.mark.parametrize(
    ("recipe", "ending", "words"),
    [(REFUSE, Ending.REFUSED, "optimiser.name: there is no such one"), (CRASH, Ending.NONE, "")],
)
async def test_other_ends(place: Place, recipe: str, ending: Ending, words: str) -> None:
    runner = place.runner()
    await runner.start(attempt(), recipe)
    assert await gone(runner, attempt()) == Worker(Sight.GONE, ending, words)


async def test_a_restarted_service_finds_its_worker_and_asks_it_to_end(place: Place) -> None:
    await place.runner().start(attempt(), HANG)
    pid = await place.ready()
    again = place.runner()
    assert await again.look(attempt()) == ALIVE
    await again.start(attempt(), HANG)
    assert place.pids == [pid]
    for _ in range(2):
        await again.stop(attempt(), insist=False)
    assert await gone(again, attempt()) == Worker(Sight.GONE, Ending.STOPPED)


async def test_starts_at_once_make_one_worker(place: Place) -> None:
    runners = [place.runner() for _ in range(3)]
    outcomes = await asyncio.gather(
        *(runner.start(attempt(), HANG) for runner in runners), return_exceptions=True
    )
    await place.ready()
    assert all(each is None or isinstance(each, Unavailable) for each in outcomes)
    assert any(each is None for each in outcomes)
    assert await runners[0].look(attempt()) == ALIVE
    assert len(place.pids) == 1


async def test_a_killed_worker_is_gone_and_another_attempt_goes_on(place: Place) -> None:
    runner = place.runner()
    await runner.start(attempt(), HANG)
    os.kill(await place.ready(), signal.SIGKILL)
    found = await gone(runner, attempt())
    assert (found.sight, found.ending) == (Sight.GONE, Ending.NONE)
    await runner.start(attempt(2), HANG)
    await place.ready(2)
    assert await runner.look(attempt(2)) == ALIVE
    assert (await runner.look(attempt())).sight is Sight.GONE


async def test_a_start_ends_the_worker_of_an_older_attempt(place: Place) -> None:
    """One that was given up, and comes back."""
    await place.runner().start(attempt(), STUBBORN)
    pid = await place.ready()
    await place.runner().start(attempt(2), HANG)
    await until(lambda: not is_there(pid))
    assert await place.ready(2) != pid
    assert await place.runner().look(attempt(2)) == ALIVE


async def test_one_that_does_not_listen_is_ended(place: Place) -> None:
    runner = place.runner()
    await runner.start(attempt(), STUBBORN)
    pid = await place.ready()
    await runner.stop(attempt(), insist=False)
    assert await runner.look(attempt()) == ALIVE
    await place.runner().stop(attempt(), insist=True)
    assert (await gone(runner, attempt())).ending is Ending.NONE
    await until(lambda: not is_there(pid))


async def test_one_that_was_never_started_is_ruled_out(place: Place) -> None:
    runner = place.runner()
    await runner.stop(attempt(), insist=False)
    assert await runner.look(attempt()) == Worker(Sight.GONE)
    await runner.start(attempt(), DONE)
    await runner.stop(attempt(), insist=True)
    assert place.pids == []
    await runner.start(attempt(2), DONE)
    assert await gone(runner, attempt(2)) == Worker(Sight.GONE, Ending.DONE)
    assert len(place.pids) == 1


async def test_one_of_another_place_is_not_seen(place: Place) -> None:
    runner = place.runner()
    await runner.start(attempt(), HANG)
    await place.ready()
    assert await runner.look(replace(attempt(), place=runner.place)) == ALIVE
    assert await runner.look(replace(attempt(), place="elsewhere")) == Worker(Sight.UNSEEN)
