"""Recipes of every kind: told apart by ``kind``, each refusing by field what it has no use for."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from colonnade.errors import InvalidArgument, PermissionDenied
from colonnade.learn.recipe import ConvertRecipe, EvaluateRecipe, Recipe
from colonnade.learn.recipe.reading import parse_any, parse_recipe
from tests.unit.learn.recipes import recipe

DATA = {"sources": [{"kind": "text", "name": "plays", "paths": ["plays/*.txt"]}]}
EXAMPLES = {"sources": [{"name": "chats", "paths": ["chats.jsonl"], "longest": 256}]}
EVALUATE: dict[str, Any] = {
    "kind": "evaluate", "name": "held-out", "model": {"from": "./smol"}, "data": DATA,
    "evaluation": {"batches": 50, "prompts": ["To be, or"]},
}  # fmt: skip
CONVERT: dict[str, Any] = {
    "kind": "convert", "name": "small", "model": {"from": "./smol"},
    "prune": {"heads": 6, "calibrate": "sample.txt"}, "quantise": {"bits": 4},
}  # fmt: skip


def evaluation(**changes: Any) -> EvaluateRecipe:
    found = parse_any(json.dumps(EVALUATE | changes))
    assert isinstance(found, EvaluateRecipe)
    return found


def conversion(**changes: Any) -> ConvertRecipe:
    found = parse_any(json.dumps(CONVERT | changes))
    assert isinstance(found, ConvertRecipe)
    return found


def test_the_digest_of_a_training_is_what_it_was() -> None:
    """Runs of older releases go on."""
    trained = recipe(Path("x.jsonl"))
    assert trained.digest == "sha256:46af41f69074edefa94ff44f2fbbe9596923a27b18994fec44edd399fa012a0e"
    said = trained.model_dump(mode="json", by_alias=True)
    assert said.pop("kind") == "train"
    assert parse_any(json.dumps(said)) == trained
    assert isinstance(parse_any(json.dumps(said | {"kind": "train"})), Recipe)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: judge\n", "kind must be one of train, evaluate, convert"),
        ("kind: [train]\n", "kind must be one of"),
        ("kind:\n", "kind must be one of"),
        ("kind: import\n", "colonnade models import"),
    ],
)
def test_other_kinds_are_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words) as refusal:
        parse_any(text)
    assert refusal.value.details["field"] == "kind"


def test_where_a_training_is_meant_another_kind_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="kind is convert"):
        parse_recipe(json.dumps(CONVERT))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"steps": 4}, "steps"), ({"optimiser": {"name": "adamw"}}, "optimiser"),
        ({"model": {"preset": "debug"}}, "model.from"), ({"model": {"from": ""}}, "model.from"),
        ({"model": {"from": "registry:smol:3"}}, "model"), ({"batch": {"accumulate": 2}}, "batch.accumulate"),
        ({"evaluation": {"every": 5}}, "evaluation.every"),
        ({"evaluation": {"batches": 0}}, "evaluation.batches"),
        ({"precision": {"compile": True}}, "precision.compile"), ({"output": {"model": "x"}}, "output.model"),
        ({"data": None}, "recipe"), ({"examples": EXAMPLES}, "recipe"), ({"name": "Held out"}, "name"),
        ({"data": DATA | {"tokenizer": {"kind": "train", "vocabulary": 300}}}, "recipe"),
        ({"data": None, "examples": EXAMPLES | {"kind": "preferences"}}, "recipe"),
        ({"data": None, "examples": EXAMPLES, "batch": {"tokens": 64}}, "recipe"),
    ],
)  # fmt: skip
def test_what_an_evaluation_cannot_say(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        evaluation(**changes)
    assert refusal.value.details["field"] == field


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"prune": None, "quantise": None}, "recipe"), ({"prune": {}}, "prune"),
        ({"prune": {"by": "magnitude"}}, "prune"), ({"prune": {"heads": 6}}, "prune"),
        ({"prune": {"heads": 6, "by": "luck"}}, "prune.by"), ({"prune": {"heads": "6"}}, "prune.heads"),
        ({"quantise": {"bits": 5}}, "quantise.bits"), ({"quantise": {}}, "quantise.bits"),
        ({"output": {"weights": "last"}}, "output.weights"), ({"steps": 4}, "steps"),
        ({"data": DATA}, "data"),
    ],
)  # fmt: skip
def test_what_a_conversion_cannot_say(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        conversion(**changes)
    assert refusal.value.details["field"] == field


def test_a_share_that_nobody_asked_for_is_none() -> None:
    assert evaluation().share == 0
    assert evaluation(data=DATA | {"split": {"seed": 3}}).share == 0
    assert evaluation(data=DATA | {"split": {"validation": 0.01}}).share == 0.01
    assert evaluation(data=None, examples=EXAMPLES).share == 0
    assert evaluation(data=None, examples=EXAMPLES | {"validation": 0.1}).share == 0.1
    again = evaluation()
    assert parse_any(json.dumps(again.model_dump(mode="json", by_alias=True))) == again


def test_what_decides_is_in_the_digest_and_nothing_else() -> None:
    one, other = evaluation(), conversion()
    beside: list[dict[str, Any]] = [{"name": "x"}, {"description": "d"}, {"model": {"from": "./y"}}]
    for same in beside:
        assert (evaluation(**same).digest, conversion(**same).digest) == (one.digest, other.digest)
    elsewhere = {"sources": [DATA["sources"][0] | {"paths": ["other/*.txt"]}]}
    assert evaluation(data=elsewhere).digest == one.digest
    changes: list[dict[str, Any]] = [
        {"seed": 1}, {"batch": {"rows": 2}}, {"evaluation": {"batches": 2}},
        {"precision": {"kind": "bfloat16"}}, {"data": DATA | {"split": {"validation": 0.01}}},
    ]  # fmt: skip
    assert len({one.digest, *(evaluation(**each).digest for each in changes)}) == len(changes) + 1
    assert conversion(prune={"heads": 6, "calibrate": "other.txt"}).digest == other.digest
    assert conversion(prune={"heads": 5, "calibrate": "x"}).digest != other.digest
    assert conversion(quantise={"bits": 8}).digest != other.digest


def test_what_they_name_is_held_to_what_they_may_read(tmp_path: Path) -> None:
    (tmp_path / "smol").mkdir()
    (tmp_path / "sample.txt").write_text("x")
    reads = {"folders": [str(tmp_path)]}
    model = {"from": str(tmp_path / "smol")}
    here = {"heads": 6, "calibrate": str(tmp_path / "sample.txt")}
    assert conversion(model=model, prune=here, reads=reads).reads is not None
    for changes, field in (
        ({"model": {"from": "/etc"}, "prune": here}, "model.from"),
        ({"model": model, "prune": here | {"calibrate": "/etc/passwd"}}, "prune.calibrate"),
    ):
        with pytest.raises(PermissionDenied) as refusal:
            conversion(**changes, reads=reads)
        assert refusal.value.details["field"] == field
    with pytest.raises(PermissionDenied) as refusal:
        evaluation(model=model, reads=reads, data={"sources": [DATA["sources"][0] | {"paths": ["/etc/*"]}]})
    assert refusal.value.details["field"] == "data.sources[0].paths[0]"


def test_the_recipes_of_the_page_are_valid() -> None:
    page = (Path(__file__).parents[4] / "docs" / "training.md").read_text()
    blocks = re.findall(r"```yaml\n(kind: (?:evaluate|convert)\n.*?)```", page, re.DOTALL)
    assert [parse_any(block.replace("registry:", "./")).kind for block in blocks] == ["evaluate", "convert"]
