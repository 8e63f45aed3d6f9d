"""A run from text to a model folder; and the same weights again, however often it was killed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from colonnade.errors import ColonnadeError, Conflict
from colonnade.learn.loop.stop import Stop
from colonnade.learn.loop.trainer import Ending
from colonnade.learn.place import Place
from colonnade.learn.recipe import Recipe
from colonnade.learn.reports import Evaluated, Event, Sampled, Stepped
from colonnade.learn.run import run
from colonnade.models.families import catalog
from tests.unit.learn.recipes import corpus, recipe


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corpus(tmp_path_factory.mktemp("corpus"))


class Heard(list[Event]):
    def __call__(self, event: Event) -> None:
        self.append(event)

    def close(self) -> None:
        pass

    def of(self, kind: type) -> list[Any]:
        return [event for event in self if isinstance(event, kind)]


def _ran(wanted: Recipe, folder: Path, data: Path | None = None) -> Heard:
    heard = Heard()
    assert run(wanted, Place(folder, data), heard, Stop()).ending is Ending.DONE
    return heard


def _weights(folder: Path) -> Mapping[str, torch.Tensor]:
    found: Mapping[str, torch.Tensor] = load_file(folder / "model" / "model.safetensors")
    return found


def _equal(one: Path, other: Path) -> bool:
    first, second = _weights(one), _weights(other)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_a_run_learns_and_leaves_a_model_that_loads(stories: Path, tmp_path: Path) -> None:
    heard = _ran(recipe(stories, steps=24), tmp_path / "run")
    losses = [event.values["loss"] for event in heard.of(Evaluated)]
    assert losses[-1] < losses[0] - 0.3
    assert {"perplexity", "top1", "top5"} <= heard.of(Evaluated)[-1].values.keys()
    assert [event.step for event in heard.of(Stepped)] == [4, 8, 12, 16, 20, 24]
    told = heard.of(Stepped)[-1].values
    assert {"learning_rate", "gradient_norm", "tokens_per_second", "mfu", "epoch"} <= told.keys()
    assert {"gradient_norm/blocks.0", "update_ratio/blocks.0"} <= told.keys()
    assert [event.prompt for event in heard.of(Sampled)] == ["the cat"] * 4
    files = {path.name: path for path in (tmp_path / "run" / "model").iterdir()}
    model = catalog.load(files)
    assert model.vocab_size == 320
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["ending"] == "done"
    assert result["metrics"]["validation"]["loss"] == losses[-1]


def test_done_again_it_does_nothing(stories: Path, tmp_path: Path) -> None:
    _ran(recipe(stories), tmp_path)
    before = (tmp_path / "model" / "model.safetensors").stat().st_mtime_ns
    heard = _ran(recipe(stories), tmp_path)
    assert not heard.of(Stepped)
    assert (tmp_path / "model" / "model.safetensors").stat().st_mtime_ns == before


def test_the_same_recipe_gives_the_same_bits_and_another_seed_others(stories: Path, tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("two", 3), ("three", 4)):
        _ran(recipe(stories, seed=seed), tmp_path / name, tmp_path / "data")
    assert _equal(tmp_path / "one", tmp_path / "two")
    assert not _equal(tmp_path / "one", tmp_path / "three")


def test_accumulating_is_a_larger_batch(stories: Path, tmp_path: Path) -> None:
    for name, rows, accumulate in (("whole", 8, 1), ("parts", 2, 4)):
        batch = {"rows": rows, "accumulate": accumulate}
        _ran(recipe(stories, batch=batch, optimiser={"name": "sgd"}), tmp_path / name, tmp_path / "data")
    for name, value in _weights(tmp_path / "whole").items():
        torch.testing.assert_close(value, _weights(tmp_path / "parts")[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["bfloat16-mixed", "float16-mixed", "bfloat16"])
def test_learns_in_low_precision(stories: Path, tmp_path: Path, kind: str) -> None:
    wanted = recipe(stories, steps=18, precision={"kind": kind, "scaling": {"initial_scale_power": 8}})
    losses = [event.values["loss"] for event in _ran(wanted, tmp_path).of(Evaluated)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("estimate", ["hutchinson", "gauss_newton"])
def test_learns_by_its_curvature(stories: Path, tmp_path: Path, estimate: str) -> None:
    optimiser = {
        "name": "sophia", "learning_rate": 0.003, "curvature_every": 3, "curvature_estimate": estimate,
    }  # fmt: skip
    losses = [
        event.values["loss"] for event in _ran(recipe(stories, optimiser=optimiser), tmp_path).of(Evaluated)
    ]
    assert losses[-1] < losses[0]


def test_the_average_is_what_is_evaluated_and_exported(stories: Path, tmp_path: Path) -> None:
    for name, output in (("last", "last"), ("average", "average")):
        wanted = recipe(stories, average=0.9, output={"weights": output})
        _ran(wanted, tmp_path / name, tmp_path / "data")
    assert not _equal(tmp_path / "last", tmp_path / "average")


def test_the_best_weights_are_those_of_the_lowest_validation_loss(stories: Path, tmp_path: Path) -> None:
    wanted = recipe(
        stories, steps=16, output={"weights": "best"}, evaluation={"every": 4},
        optimiser={"learning_rate": 1.0}, schedule={"kind": "constant", "warm_up": 8},
        health={"loss_factor": 1e9, "gradient_factor": 1e9},
    )  # fmt: skip
    _ran(wanted, tmp_path)
    result = json.loads((tmp_path / "result.json").read_text())
    best = result["metrics"]["best"]
    assert best["loss"] < result["metrics"]["validation"]["loss"]
    kept = {int(path.name.removeprefix("step-")) for path in (tmp_path / "checkpoints").glob("step-*")}
    assert best["step"] in kept


def test_another_recipe_in_the_same_folder_is_refused(stories: Path, tmp_path: Path) -> None:
    _ran(recipe(stories), tmp_path)
    with pytest.raises(Conflict, match=r"optimiser\.learning_rate was 0\.01 and is 0\.02"):
        _ran(recipe(stories, optimiser={"learning_rate": 0.02}), tmp_path)
    _ran(recipe(stories, reports={"every": 3}, description="who is told decides nothing"), tmp_path)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"model": {"preset": "gigantic"}}, "model.preset"),
        ({"model": {"family": "encoder"}}, "model.family"),
        ({"model": {"with": {"colour": 3}}}, "model.with"),
        ({"batch": {"tokens": 4096}}, "batch.tokens"),
        ({"schedule": {"warm_up": 999}}, "warm_up"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(
    stories: Path, tmp_path: Path, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(ColonnadeError) as caught:
        _ran(recipe(stories, **changes), tmp_path)
    assert caught.value.details["field"] == field
    assert not any(tmp_path.iterdir()), "before anything was prepared"


def test_asked_to_stop_it_keeps_what_it_learnt_and_goes_on_to_the_same_bits(
    stories: Path, tmp_path: Path
) -> None:
    _ran(recipe(stories), tmp_path / "whole", tmp_path / "data")
    stop, heard = Stop(), Heard()

    def listener(event: Event) -> None:
        heard(event)
        if isinstance(event, Stepped) and event.step == 4:
            stop.ask()

    vars(heard)["__call__"] = listener
    place = Place(tmp_path / "stopped", tmp_path / "data")

    class Asking(Heard):
        def __call__(self, event: Event) -> None:
            listener(event)

    outcome = run(recipe(stories), place, Asking(), stop)
    assert outcome.ending is Ending.STOPPED
    assert outcome.step == 4
    _ran(recipe(stories), place.folder, place.data)
    assert _equal(tmp_path / "whole", place.folder)


def test_asked_to_stop_while_it_prepares_it_does(stories: Path, tmp_path: Path) -> None:
    stop = Stop()
    stop.ask()
    outcome = run(recipe(stories), Place(tmp_path), Heard(), stop)
    assert (outcome.ending, outcome.step) == (Ending.STOPPED, 0)
    assert not (tmp_path / "checkpoints").exists()
    _ran(recipe(stories, steps=2), tmp_path / "another", tmp_path / "data")


def test_a_run_that_goes_wrong_ends_and_says_why(stories: Path, tmp_path: Path) -> None:
    wanted = recipe(
        stories,
        steps=40,
        optimiser={"learning_rate": 1e9},
        clipping={"kind": "none"},
        health={"most_skips": 2},
    )
    outcome = run(wanted, Place(tmp_path), Heard(), Stop())
    assert outcome.ending is Ending.SICK
    assert "Try this" in outcome.sentence
    assert not (tmp_path / "model").exists()


def _killed(arguments: list[str], after: float) -> int:
    """The exit status of a worker that is killed ``after`` seconds, if it still runs."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            return process.wait(after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            return process.wait()


@pytest.mark.slow
def test_killed_at_twenty_random_moments_it_ends_with_the_same_bits(stories: Path, tmp_path: Path) -> None:
    text = json.dumps(
        recipe(stories, steps=60, checkpoints={"every": 3}).model_dump(mode="json", by_alias=True)
    )
    (tmp_path / "recipe.yaml").write_text(text)
    command = [
        sys.executable,
        "-m",
        "colonnade.learn",
        "run",
        str(tmp_path / "recipe.yaml"),
        "--threads",
        "1",
    ]
    began = time.monotonic()
    assert subprocess.run([*command, "--out", str(tmp_path / "whole")], check=True, capture_output=True)
    seconds, chance, kills = time.monotonic() - began, random.Random(8), 0
    killed = [*command, "--out", str(tmp_path / "killed")]
    for _ in range(20):
        kills += _killed(killed, chance.uniform(0.3, 1.0) * seconds) == -signal.SIGKILL
    assert kills >= 5, "most of them were to be killed"
    assert subprocess.run(killed, check=True, capture_output=True)
    assert _equal(tmp_path / "whole", tmp_path / "killed")
