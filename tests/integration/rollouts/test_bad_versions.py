"""Bad versions under steady load: none of them reaches everybody, and no request fails."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from colonnade.client import Colonnade, Rollout
from tests.harness.platform import Platform, eventually, running
from tests.harness.tiny_model import write_tiny_llama
from tests.harness.traffic import Traffic, steady

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
PLAN = {
    "gates": [{"probe": "perplexity", "bound": "50x"}],
    "steps": [{"percent": 25, "seconds": 600}],
    "objectives": {"error_rate": 0.02},
}
THREADS, LAYERS = 4, 3


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the third version does wrong, as soon as this is there."""
    return tmp_path_factory.mktemp("once") / "failing"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, once: Path) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("bad")
    with running(
        "--no-import",
        COLONNADE_REGISTRY_IMPORT_ROOTS=str(folder),
        PYTHONPATH=str(Path(__file__).parents[2] / "harness" / "failing"),
        FAILING_ONCE=str(once),
        FAILING_LAYERS=str(LAYERS),
    ) as started:
        for model in (
            write_tiny_llama(folder / "good"),
            write_tiny_llama(folder / "noise", seed=2, spread=3.0),
            write_tiny_llama(folder / "failing", seed=1, layers=LAYERS),
        ):
            started.command("models", "import", str(model), "--name", "tiny")
        yield started


@pytest.fixture(autouse=True)
def sound(once: Path) -> Iterator[None]:
    yield
    once.unlink(missing_ok=True)


@pytest.fixture
def client(platform: Platform) -> Iterator[Colonnade]:
    with Colonnade(platform.url, timeout=120) as made:
        yield made


def _ended(client: Colonnade, rollout_id: str) -> Rollout:
    def there() -> Rollout | None:
        found = client.rollouts.get(rollout_id)
        return found if found.ended else None

    found = eventually(there, 120, "the rollout ends")
    assert found is not None
    return found


def _in_canary(client: Colonnade, traffic: Traffic, plan: Mapping[str, Any]) -> Rollout:
    """The third version passes all that can be asked before, and answers."""
    begun = client.rollouts.start("tiny", 3, plan=plan)
    eventually(lambda: client.rollouts.get(begun.id).state != "gates", 120, "its gates are passed")
    assert client.rollouts.get(begun.id).state == "canary", client.rollouts.get(begun.id)
    eventually(lambda: 3 in traffic.versions, 60, "the candidate answers")
    return begun


def test_weights_of_noise_are_refused_at_the_gate(platform: Platform, client: Colonnade) -> None:
    with steady(platform, "tiny", threads=THREADS) as traffic:
        last = _ended(client, client.rollouts.start("tiny", 2, plan=PLAN).id)
    assert (last.state, last.gates[0].outcome) == ("refused", "failed"), last
    assert "perplexity" in last.reason
    assert traffic.failed == []
    assert set(traffic.versions) == {1}


def test_what_passes_the_gates_and_fails_live_is_taken_back(
    platform: Platform, client: Colonnade, once: Path
) -> None:
    with steady(platform, "tiny", threads=THREADS) as traffic:
        begun = _in_canary(client, traffic, PLAN)
        once.write_text("fails")
        first = eventually(lambda: [each for each in traffic.answers if each.fell_back], 60, "it fails")[0]
        last = _ended(client, begun.id)
        taken_back = time.monotonic() - first.at
        asked = len(traffic.answers)
        eventually(lambda: len(traffic.answers) > asked + 100, 60, "requests after that")
        fell_back = [each for each in traffic.answers if each.fell_back]
    print(f"taken back {taken_back:.2f} s after its first failure; {len(fell_back)} fell back")  # noqa: T201
    assert last.state == "rolled_back", last
    assert "error_rate" in last.reason
    assert traffic.failed == []
    assert {each.version for each in fell_back} == {1}
    settled = [each for each in traffic.answers if each.at - first.at > taken_back + 2]
    assert not any(each.fell_back for each in settled), "nobody is sent to it any more"
    assert taken_back < 30


@pytest.mark.parametrize(
    ("how", "words", "objectives"),
    [
        ("slow", "first_token_p95", {"first_token_p95": 0.3}),
        ("garbles", "perplexity failed when it was asked again", {}),
    ],
    ids=["slow", "worse"],
)
def test_what_gets_slow_or_worse_live_is_taken_back(
    platform: Platform, client: Colonnade, once: Path, how: str, words: str, objectives: dict[str, float]
) -> None:
    gates = [{"probe": "perplexity", "bound": "50x", "every_seconds": 2}]
    plan = PLAN | {"gates": gates, "objectives": objectives, "least_requests": 10}
    with steady(platform, "tiny", threads=THREADS) as traffic:
        begun = _in_canary(client, traffic, plan)
        once.write_text(how)
        since = time.monotonic()
        last = _ended(client, begun.id)
        taken_back = time.monotonic() - since
        eventually(
            lambda: {each.version for each in traffic.answers[-100:]} == {1}, 60, "nobody gets it any more"
        )
    print(f"{how}: taken back {taken_back:.2f} s after it began")  # noqa: T201
    assert last.state == "rolled_back", last
    assert words in last.reason
    assert traffic.failed == []
    assert taken_back < 60
