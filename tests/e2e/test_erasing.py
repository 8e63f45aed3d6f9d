"""A person is erased through the public door: every service of the platform is asked, and does it."""

import time
from typing import Any

import pytest

from colonnade.client import Colonnade
from tests.harness.platform import Platform

SERVICES = {"gateway", "inference", "training", "registry", "ethics", "memory"}
ANN, SECRET = "ann-canary@acme.example", "zithercanary"
_SECONDS = 60.0


@pytest.fixture
def client(platform: Platform) -> Any:
    with Colonnade(platform.url) as made:
        yield made


def test_every_service_erases(client: Colonnade) -> None:
    client.memory.remember(f"Ann has a {SECRET}.", subject=ANN)
    client.generate(f"Say {SECRET}", max_tokens=2, user=ANN, memory={"session": "s", "remember": True})
    begun = client.subjects.erase(ANN, why="asked")
    again = client.subjects.erase(ANN)
    assert (again.id, begun.state, begun.receipt) == (begun.id, "running", None)
    deadline = time.monotonic() + _SECONDS
    while True:
        told = client.subjects.erasure(begun.id)
        first = {step.service: step for step in told.steps if step.round == 1}
        if all(step.done_at for step in first.values()):
            break
        assert time.monotonic() < deadline, first
        time.sleep(0.2)
    assert set(first) == SERVICES
    assert first["memory"].removed["memories"] == 3
    assert client.memory.list(subject=ANN) == []
    assert begun.id in {each.id for each in client.subjects.erasures()}
    assert ANN not in repr(client.subjects.erasures())
