"""A model is trained from the shell, also while the gateway is killed."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.harness.platform import COMMAND, Platform, eventually
from tests.unit.learn.recipes import corpus, document

STEPS = 100
EVERY = 20


@pytest.fixture(scope="module")
def recipe(tiny_model: Path) -> str:
    """Its paths begin in the platform's work folder. JSON is YAML."""
    corpus(tiny_model.parent / "tales")
    told = document(
        "tales/*.jsonl",
        name="tales",
        seed=5,
        batch={"accumulate": 1},
        steps=STEPS,
        optimiser={"learning_rate": 0.002},
        schedule={"kind": "constant", "warm_up": 0},
        evaluation={"every": EVERY},
        checkpoints={"every": 50},
        reports={"every": 5},
    )
    return json.dumps(told)


@pytest.mark.slow
def test_a_model_is_trained_from_the_shell_while_the_gateway_is_killed(
    platform: Platform, recipe: str, tmp_path: Path
) -> None:
    (tmp_path / "tales.yaml").write_text(recipe)
    command = [COMMAND, "train", str(tmp_path / "tales.yaml")]
    with subprocess.Popen(
        command,
        env=dict(platform.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as training:
        assert training.stdout
        assert training.stderr
        job_id = training.stdout.readline().strip()
        said = [training.stderr.readline()]  # it follows
        os.kill(platform.pid("gateway"), signal.SIGKILL)
        said += training.stderr.readlines()
        assert training.wait(120) == 0, said[-3:]
    assert re.match(rf"{job_id} succeeded at step {STEPS} of {STEPS}, loss \d", said[-1])
    evaluated = [line.split(":")[0] for line in said if ": validation loss" in line]
    assert evaluated == [f"step {step}" for step in range(EVERY, STEPS + 1, EVERY)], "each of them once"
    assert sum("'the cat' goes on:" in line for line in said) == STEPS // EVERY
    assert any(line.startswith("  learning ") for line in said)
    eventually(platform.ready, 60, "the gateway is back")
    _looked_at(platform, job_id, recipe)


def _looked_at(platform: Platform, job_id: str, recipe: str) -> None:
    (row,) = json.loads(platform.command("jobs", "list", "--name", "tales", "--json").stdout)
    assert (row["id"], row["state"], row["step"]) == (job_id, "succeeded", STEPS)
    assert platform.command("jobs", "show", job_id, "--recipe").stdout.strip() == recipe
    assert f"{job_id}  tales  succeeded" in platform.command("jobs", "show", job_id).stdout
    raw = platform.command("jobs", "logs", job_id, "--raw").stdout.splitlines()
    assert [json.loads(line)["event"] for line in raw].count("evaluation") == STEPS // EVERY
    assert platform.command("jobs", "logs", job_id, "-f", "-n", "3", "--raw").stdout.splitlines() == raw[-3:]


@pytest.mark.slow
def test_one_is_cancelled_resumed_and_asked_for_again(platform: Platform, recipe: str) -> None:
    long = json.dumps(json.loads(recipe) | {"name": "saga", "steps": 1_000_000})
    first = platform.command("train", "-", "--detach", "--priority", "1", stdin=long).stdout.strip()
    platform.command("jobs", "cancel", first, "--why", "too long")
    watched = platform.command("jobs", "watch", first, check=False)
    assert (watched.returncode, f"{first} cancelled" in watched.stderr) == (1, True)
    assert "too long" in platform.command("jobs", "show", first).stdout
    assert f"{first} is queued" in platform.command("jobs", "resume", first).stderr
    platform.command("jobs", "cancel", first)
    platform.command("jobs", "watch", first, check=False)
    second = platform.command("jobs", "retry", first).stdout.strip()
    assert f"a retry of {first}" in platform.command("jobs", "show", second).stdout
    platform.command("jobs", "cancel", second)
    assert platform.command("jobs", "watch", second, check=False).returncode == 1
