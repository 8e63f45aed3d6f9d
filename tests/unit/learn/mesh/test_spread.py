"""Weights in shards and products in parts learn what one process does, and go on from its checkpoints.

Runs follow each other in one process group: its start takes longer than they.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from colonnade.errors import Unsupported
from colonnade.learn.mesh.limits import check_spread
from colonnade.learn.mesh.processes import start
from colonnade.learn.mesh.settings import Layout
from colonnade.learn.recipe import Recipe
from tests.unit.learn.mesh.runs import SGD, Runs
from tests.unit.learn.recipes import corpus, recipe
from tests.unit.learn.tuning.origins import LORA, chat_folder, chats, from_examples, pairs

STEADY: Mapping[str, Mapping[str, Any]] = {
    "adamw": {"name": "adamw", "learning_rate": 1e-3, "epsilon": 1e-3},
    "lion": {"name": "lion", "learning_rate": 1e-3},
    "adan": {"name": "adan", "learning_rate": 1e-3, "epsilon": 1e-3},
    "muon": {"name": "muon", "learning_rate": 1e-3, "epsilon": 1e-3},
}
"""Optimisers that do not make a step of what is nearly nothing."""
SHORT: Mapping[str, Any] = {
    "steps": 6,
    "evaluation": {"every": 3},
    "checkpoints": {"every": 2},
    "reports": {"every": 2},
}


class Together:
    """Cases of one start."""

    def __init__(self, folder: Path, processes: int) -> None:
        self.runs, self._processes = Runs(folder), processes
        self._cases: list[dict[str, Any]] = []
        self._same: list[tuple[str, str]] = []

    def recipe(self, **changes: Any) -> Recipe:
        return self.runs.recipe(**{**SHORT, **changes})

    def case(
        self, name: str, wanted: Recipe, *, same: str = "", stop: int | None = None, **parallel: int
    ) -> None:
        """A run that ends with the weights of the run ``same``, of one process; or stops after a step."""
        said = wanted.model_dump(mode="json", by_alias=True)
        self._cases.append({"name": name, "parallel": parallel, "recipe": said, "stop": stop})
        if same:
            if not (self.runs.folder / same).exists():
                self.runs.alone(same, wanted)
            self._same.append((same, name))

    def check(self) -> None:
        path = self.runs.folder / "cases.json"
        path.write_text(json.dumps(self._cases))
        ends = start(("-m", "tests.unit.learn.mesh.cases", str(path)), self._processes, threads=1)
        failed = {each.name: each.read_text() for each in self.runs.folder.glob("*.failed")}
        assert not failed
        assert [status for _, status in ends] == [0] * self._processes
        for one, other in self._same:
            self.runs.alike(one, other)


def test_two_shards_and_two_parts_of_products_learn_what_one_process_does(tmp_path: Path) -> None:
    together = Together(tmp_path, 2)
    adamw = together.recipe(optimiser=STEADY["adamw"])
    together.case("shards", adamw, same="alone", shards=2)
    together.case("tensor", adamw, same="alone", tensor=2)
    together.case("begun", adamw, stop=2, shards=2)
    together.case("begun", adamw, same="alone", tensor=2)
    together.case("shards", together.recipe(optimiser=SGD), shards=2)
    together.check()
    refused = sorted(path.name for path in tmp_path.glob("*.refused"))
    assert refused == ["shards.0.refused", "shards.1.refused"], "what the first refuses, all do"


@pytest.mark.slow
@pytest.mark.parametrize("parallel", [{"shards": 2}, {"tensor": 2}])
def test_all_that_changes_weights_does_so_in_parts(tmp_path: Path, parallel: dict[str, int]) -> None:
    together = Together(tmp_path, 2)
    for name in ("lion", "adan", "muon"):
        together.case(f"{name}-parts", together.recipe(optimiser=STEADY[name]), same=name, **parallel)
    for kind, limit in (("adaptive", 0.01), ("value", 0.001), ("none", None)):
        clipping = {"kind": kind, "limit": limit}
        together.case(f"{kind}-parts", together.recipe(clipping=clipping), same=kind, **parallel)
    changed: Mapping[str, dict[str, Any]] = {
        "recompute": {"batch": {"recompute": True}},
        "norms": {"model": {"with": {"qk_norm": True}}},
        "biases": {"model": {"with": {"qkv_bias": True, "output_bias": True}}},
        "average": {"output": {"weights": "average"}},
        "untied": {"model": {"with": {"tied": False}}},
        "uneven": {"batch": {"rows": 3, "accumulate": 1, "packing": "documents"}},
    }
    for name, changes in changed.items():
        together.case(f"{name}-parts", together.recipe(**changes), same=name, **parallel)
    together.check()


@pytest.mark.slow
def test_four_processes_in_every_way(tmp_path: Path) -> None:
    together = Together(tmp_path, 4)
    adamw = together.recipe(optimiser=STEADY["adamw"])
    ways: Mapping[str, dict[str, int]] = {
        "replicas": {},
        "shards": {"shards": 4},
        "replicas-shards": {"replicas": 2, "shards": 2},
        "replicas-tensor": {"tensor": 2},
        "shards-tensor": {"shards": 2, "tensor": 2},
    }
    for name, parallel in ways.items():
        together.case(name, adamw, same="alone", **parallel)
    together.case("begun", adamw, stop=2, shards=2, tensor=2)
    together.case("begun", adamw, stop=4, shards=4)
    together.case("begun", adamw, same="alone", tensor=2)
    together.check()


@pytest.mark.slow
def test_low_precision_learns_in_parts(tmp_path: Path) -> None:
    """Rounding differs by more than a tolerance could tell from a mistake; learning does not."""
    together = Together(tmp_path, 2)
    for kind in ("bfloat16-mixed", "float16-mixed", "bfloat16"):
        wanted = together.recipe(precision={"kind": kind, "scaling": {"initial_scale_power": 8}})
        together.runs.alone(kind, wanted)
        together.case(f"{kind}-shards", wanted, shards=2)
        together.case(f"{kind}-tensor", wanted, tensor=2)
    together.check()
    for kind in ("bfloat16-mixed", "float16-mixed", "bfloat16"):
        alone = together.runs.validation(kind)["loss"]
        for way in ("shards", "tensor"):
            assert together.runs.validation(f"{kind}-{way}")["loss"] == pytest.approx(alone, rel=0.02)


@pytest.mark.parametrize(
    ("changes", "layout", "field"),
    [
        ({"optimiser": {"name": "sophia"}}, Layout(shards=2), "optimiser.name"),
        ({"optimiser": {"name": "lamb"}}, Layout(tensor=2), "optimiser.name"),
        ({"optimiser": {"implementation": "fused"}}, Layout(shards=2), "optimiser.implementation"),
    ],
)
def test_what_cannot_be_spread_is_refused(
    tmp_path: Path, changes: dict[str, Any], layout: Layout, field: str
) -> None:
    wanted = recipe(corpus(tmp_path), **changes)
    check_spread(wanted, Layout(replicas=2))
    with pytest.raises(Unsupported) as caught:
        check_spread(wanted, layout)
    assert caught.value.details["field"] == field


@pytest.mark.slow
@pytest.mark.parametrize("parallel", [{}, {"shards": 2}], ids=["replicas", "shards"])
def test_an_adapter_learns_from_examples_in_parts(tmp_path: Path, parallel: dict[str, int]) -> None:
    """Conversations and pairs are of any length: some processes have fewer of a batch, or none."""
    together, model = Together(tmp_path, 2), chat_folder(tmp_path / "model")
    more = {**SHORT, "optimiser": SGD, "output": {"merged": True}, "tuning": LORA}
    wanted = {
        "conversations": from_examples(chats(tmp_path / "chats.jsonl"), model, **more),
        "preferences": from_examples(
            pairs(tmp_path / "pairs.jsonl"), model, "preferences", objective={"kind": "dpo"}, **more
        ),
    }
    for name, said in wanted.items():
        together.case(f"{name}-parts", said, same=name, **parallel)
    together.check()


@pytest.mark.slow
def test_copies_that_learn_by_curvature_estimate_it_together(tmp_path: Path) -> None:
    together = Together(tmp_path, 2)
    sophia = {"name": "sophia", "learning_rate": 1e-3, "curvature_every": 2, "epsilon": 1e-3}
    wanted = together.recipe(optimiser=sophia, batch={"rows": 8, "accumulate": 1})
    together.case("copies", wanted, same="alone")
    together.check()
