"""Upkeep: steps as they come, and a last one that counts."""

import pytest

from colonnade.client import BackedUp, Collected
from colonnade.errors import Conflict, Unavailable
from tests.unit.client.platform import Caller, events, got, items, refused

STEP = {"looked_at": 3, "removed": 1, "removed_bytes": 8, "waiting": 2, "done": False, "newer": 1}
TAKEN = {
    "stage": "blobs", "fraction": 0.5, "copied": 1, "copied_bytes": 8, "kept": 2, "dropped": 0,
    "name": "20300102T030405.000000Z", "digest": "", "at": "2030-01-02T03:04:05Z",
}  # fmt: skip


async def test_a_collection(caller: Caller) -> None:
    caller.answers = [events(STEP, STEP | {"removed": 2, "done": True})]
    stream = caller.client().registry.collect(dry_run=True)
    steps = await items(stream)
    assert steps[0] == Collected(3, 1, 8, 2, False)
    assert (stream.result.removed, stream.result.done) == (2, True)
    assert (caller.requests[0].url.path, caller.bodies) == ("/registry/gc", [{"dry_run": True}])


async def test_a_backup(caller: Caller) -> None:
    caller.answers = [events(TAKEN, TAKEN | {"stage": "done", "digest": "sha256:d"})]
    stream = caller.client().registry.backup("nightly", keep=7)
    steps = await items(stream)
    assert isinstance(steps[0], BackedUp)
    assert (stream.result.digest, stream.result.kept) == ("sha256:d", 2)
    assert (caller.requests[0].url.path, caller.bodies) == (
        "/registry/backup",
        [{"to": "nightly", "keep": 7}],
    )


@pytest.mark.parametrize("act", ["collect", "backup"])
async def test_what_broke_off_has_no_result(caller: Caller, act: str) -> None:
    caller.answers = [events(STEP if act == "collect" else TAKEN)]
    stream = getattr(caller.client().registry, act)()
    with pytest.raises(Unavailable):
        await items(stream)


@pytest.mark.parametrize("act", ["collect", "backup"])
async def test_refusals_are_raised(caller: Caller, act: str) -> None:
    caller.answers = [refused(409, "conflict", "a collection or a backup is under way already")]
    with pytest.raises(Conflict, match="under way"):
        await got(getattr(caller.client().registry, act)().wait())
