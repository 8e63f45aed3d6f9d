"""Processes that die in the middle of a canary: the rollout goes on, and ends as it would have."""

import os
import signal
from collections.abc import Iterator

import pytest

from colonnade.client import Colonnade, Rollout
from colonnade.errors import ColonnadeError
from tests.harness.platform import Platform, eventually, running
from tests.harness.tiny_model import write_tiny_llama
from tests.harness.traffic import steady

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
PLAN = {
    "steps": [{"percent": 50, "seconds": 2, "requests": 10}, {"percent": 80, "seconds": 2, "requests": 10}],
    "objectives": {"error_rate": 0.2},
}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("killed")
    # A lease that a killed registry held runs out soon.
    with running(
        "--no-import",
        COLONNADE_REGISTRY_IMPORT_ROOTS=str(folder),
        COLONNADE_REGISTRY_ROLLOUT_LEASE_SECONDS="3",
    ) as started:
        for number in range(3):
            model = write_tiny_llama(folder / f"v{number}", seed=number)
            started.command("models", "import", str(model), "--name", "tiny")
        yield started


def _looked(client: Colonnade, rollout_id: str) -> Rollout | None:
    try:
        return client.rollouts.get(rollout_id)
    except ColonnadeError:
        return None


@pytest.mark.parametrize(
    ("service", "version"), [("registry", 2), ("gateway", 3)], ids=["registry", "gateway"]
)
def test_a_rollout_outlives_a_killed_service(platform: Platform, service: str, version: int) -> None:
    with Colonnade(platform.url, timeout=60) as client, steady(platform, "tiny") as traffic:
        begun = client.rollouts.start("tiny", version, plan=PLAN)
        eventually(lambda: client.rollouts.get(begun.id).state == "canary", 60, "the canary begins")
        victim = platform.pid(service)
        os.kill(victim, signal.SIGKILL)

        def ended() -> Rollout | None:
            found = _looked(client, begun.id)
            return found if found and found.ended else None

        last = eventually(ended, 120, "the rollout ends")
        assert last is not None
        assert last.promoted, last
        eventually(lambda: traffic.answers[-1].version == version, 30, "everybody gets the new version")
    assert platform.pid(service) != victim
    if service == "registry":  # who dies with the gateway has no answer
        assert traffic.failed == []
