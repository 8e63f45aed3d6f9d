"""Runs of several processes on this machine, as the command starts them."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from colonnade.learn.loop.stop import Stop
from colonnade.learn.place import Place
from colonnade.learn.recipe import Recipe
from colonnade.learn.reports.json_lines import JsonLines
from colonnade.learn.run import run
from tests.unit.learn.recipes import corpus, recipe

SGD: dict[str, Any] = {"name": "sgd", "learning_rate": 0.1}
"""Adam divides what is nearly nothing by what is nearly nothing: rounding would become steps."""


@dataclass(frozen=True)
class Runs:
    """Runs in one folder, of one token set."""

    folder: Path

    def recipe(self, **changes: Any) -> Recipe:
        stories = self.folder / "corpus" / "stories.jsonl"
        if not stories.exists():
            corpus(stories.parent)
        return recipe(stories, **{"optimiser": SGD, "average": 0.9} | changes)

    def command(self, name: str, wanted: Recipe, *more: str) -> list[str]:
        path = self.folder / f"{name}.yaml"
        path.write_text(json.dumps(wanted.model_dump(mode="json", by_alias=True)))
        where = ("--out", str(self.folder / name), "--data", str(self.folder / "data"))
        return [sys.executable, "-m", "colonnade.learn", "run", str(path), *where, "--threads", "1", *more]

    def start(self, name: str, wanted: Recipe, *more: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.command(name, wanted, *more),
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )

    def ran(self, name: str, wanted: Recipe, processes: int = 1, status: int = 0) -> list[dict[str, Any]]:
        """What it told."""
        with self.start(name, wanted, "--processes", str(processes)) as process:
            assert process.stdout is not None
            told = [json.loads(line) for line in process.stdout]
        assert process.returncode == status, told[-1:]
        return told

    def alone(self, name: str, wanted: Recipe) -> None:
        """By this process."""
        torch.set_num_threads(1)
        place = Place(self.folder / name, self.folder / "data")
        listener = JsonLines.appended(place.log)
        run(wanted, place, listener, Stop())
        listener.close()

    def log(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / name / "log.jsonl").read_text().splitlines()]

    def weights(self, name: str) -> Mapping[str, Tensor]:
        found: Mapping[str, Tensor] = load_file(self.folder / name / "model" / "model.safetensors")
        return found

    def validation(self, name: str) -> Mapping[str, float]:
        found: Mapping[str, float] = json.loads((self.folder / name / "result.json").read_text())["metrics"][
            "validation"
        ]
        return found

    def alike(self, one: str, other: str, tolerance: float = 1e-5) -> None:
        """Within rounding: their weights, and what was measured of them."""
        first, second = self.weights(one), self.weights(other)
        assert first.keys() == second.keys()
        for name, value in first.items():
            torch.testing.assert_close(value, second[name], rtol=10 * tolerance, atol=tolerance)
        for what, figure in self.validation(one).items():
            if not what.startswith("top"):  # a likely token may change places with another
                assert abs(figure - self.validation(other)[what]) <= 100 * tolerance * max(1.0, abs(figure))
