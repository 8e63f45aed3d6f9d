"""Rollouts on a platform with a tiny model, as a person makes them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from colonnade.client import Colonnade, Rollout
from colonnade.errors import Conflict
from tests.harness.platform import Platform, eventually, running
from tests.harness.tiny_model import write_tiny_llama
from tests.harness.traffic import steady

GATES = [{"probe": "perplexity", "bound": "3x"}]
QUICK = {
    "gates": GATES,
    "steps": [{"percent": 20, "seconds": 0.5, "requests": 3}, {"percent": 60, "seconds": 0.5, "requests": 3}],
    "objectives": {"error_rate": 0.05},
}
STAYS = QUICK | {"gates": [], "steps": [{"percent": 50, "seconds": 3600}]}


@pytest.fixture(scope="module")
def rolled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Whose ``production`` only rollouts move; of each model, version 1 is there, and others to come in."""
    folder = tmp_path_factory.mktemp("rolled")
    with running(
        "--no-import",
        COLONNADE_REGISTRY_IMPORT_ROOTS=str(folder),
        COLONNADE_REGISTRY_GUARDED_ALIASES="production",
    ) as platform:
        first = write_tiny_llama(folder / "first")
        good = write_tiny_llama(folder / "good", seed=1)
        noise = write_tiny_llama(folder / "noise", seed=2, spread=3.0)
        for name in ("tiny", "other"):
            platform.command("models", "import", str(first), "--name", name)
            platform.command("models", "import", str(good), "--name", name)
            platform.command("models", "import", str(noise), "--name", name)
        yield platform


@pytest.fixture
def client(rolled: Platform) -> Iterator[Colonnade]:
    with Colonnade(rolled.url, timeout=120) as made:
        yield made


def state_of(client: Colonnade, rollout_id: str, *states: str) -> Rollout:
    def there() -> Rollout | None:
        found = client.rollouts.get(rollout_id)
        assert found.state in states or not found.ended, found
        return found if found.state in states else None

    found = eventually(there, 120, f"the rollout is {' or '.join(states)}")
    assert found is not None
    return found


def meant(client: Colonnade, name: str) -> list[tuple[int, int]]:
    [alias] = [each for each in client.models.get(name).aliases if each.name == "production"]
    return [(target.version, target.weight) for target in alias.targets]


def answering(client: Colonnade) -> int:
    return client.generate("x", model="other", max_tokens=1).model.version


def test_a_good_version_is_promoted_under_traffic_and_nobody_fails(
    rolled: Platform, client: Colonnade, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(json.dumps(QUICK))  # which is YAML
    with steady(rolled, "tiny") as traffic:
        begun = rolled.command(
            "rollout", "start", "tiny", "2", "--plan", str(plan), "--watch", "--why", "try"
        )
        eventually(lambda: traffic.answers[-1].version == 2, 30, "all requests get the new version")
    rollout_id = begun.stdout.strip()
    assert "canary, step" in begun.stderr
    assert f"{rollout_id} is promoted" in begun.stderr
    assert traffic.failed == []
    assert set(traffic.versions) == {1, 2}
    assert meant(client, "tiny") == [(2, 100)]
    found = client.rollouts.get(rollout_id)
    assert [gate.outcome for gate in found.gates] == ["passed"]
    assert found.events[0].words == "try"
    shown = rolled.command("rollout", "show", rollout_id).stdout
    assert "promoted" in shown
    assert "gate perplexity 3x: passed" in shown


def test_a_version_of_noise_is_refused_at_the_gate(rolled: Platform, client: Colonnade) -> None:
    before = meant(client, "other")
    begun = client.rollouts.start("other", 3, plan=QUICK)
    done = rolled.command("rollout", "watch", begun.id, check=False)
    assert done.returncode == 1
    assert "refused: the gate perplexity failed" in done.stderr
    assert meant(client, "other") == before


def test_one_is_rolled_back_by_hand(rolled: Platform, client: Colonnade) -> None:
    begun = client.rollouts.start("other", 2, plan=STAYS)
    state_of(client, begun.id, "canary")
    assert meant(client, "other") == [(1, 50), (2, 50)]
    with steady(rolled, "other") as traffic:
        eventually(lambda: {1, 2} <= set(traffic.versions), 60, "both versions answer")

        def seen() -> bool:
            outcomes = client.rollouts.get(begun.id).outcomes
            return outcomes.candidate.requests > 2 and outcomes.stable.requests > 2

        eventually(seen, 30, "the gateway has told what it saw")
        with pytest.raises(Conflict):
            client.rollouts.start("other", 3, plan=STAYS)
        rolled.command("rollout", "pause", begun.id)
        assert client.rollouts.get(begun.id).paused
        rolled.command("rollout", "resume", begun.id)
        done = rolled.command("rollout", "rollback", begun.id, "--why", "not today")
        assert "rolled_back" in done.stderr
        assert "not today" in done.stderr
        asked = len(traffic.answers)
        eventually(lambda: len(traffic.answers) > asked + 8, 60, "requests after the rollback")
    assert {each.version for each in traffic.answers[asked + 4 :]} == {1}
    assert traffic.failed == []
    assert meant(client, "other") == [(1, 100)]
    figures = client.rollouts.get(begun.id)
    assert [event.what for event in figures.events if event.words == "not today"] == ["rolled_back"]


def test_a_stream_ends_with_the_version_that_began_it(rolled: Platform, client: Colonnade) -> None:
    whole = STAYS | {"steps": [{"percent": 100, "seconds": 3600}]}
    begun = client.rollouts.start("other", 2, plan=whole)
    state_of(client, begun.id, "canary")
    eventually(lambda: answering(client) == 2, 30, "the candidate is drawn")
    asked: dict[str, Any] = {"model": "other", "max_tokens": 2000, "logit_bias": {"0": -100}}
    with client.stream("the fox", **asked) as stream:
        events = iter(stream)
        next(events)
        client.rollouts.roll_back(begun.id)
        eventually(lambda: answering(client) == 1, 30, "the stable version is drawn")
        rest = list(events)
    assert meant(client, "other") == [(1, 100)]
    assert stream.result.model.version == 2
    assert len(rest) > 1
    assert stream.result.finish_reason == "length"


def test_a_guarded_alias_is_moved_by_rollouts_alone(rolled: Platform, client: Colonnade) -> None:
    with pytest.raises(Conflict, match="colonnade rollout start"):
        client.models.set_alias("other", "production", 2)
    client.models.set_alias("other", "candidate", 2)


def test_what_is_not_understood_is_refused_by_name(rolled: Platform, tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("steps: [{percent: 10, weight: 3}]")
    refused = rolled.command("rollout", "start", "tiny", "1", "--plan", str(plan), check=False)
    assert refused.returncode == 1
    assert "plan.steps[0].weight" in refused.stderr
    missing: Any = rolled.command("rollout", "show", "ro_none", check=False)
    assert "there is no rollout ro_none" in missing.stderr
