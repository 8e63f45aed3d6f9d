"""``docs/training.md`` against the code: its examples are valid, every setting of fine-tuning is in it."""

import re
from pathlib import Path

import yaml
from pydantic import BaseModel

from colonnade.learn.compress.settings import DistilSettings, Sharing
from colonnade.learn.data.conversations import LineSettings
from colonnade.learn.data.example_settings import ExampleSettings
from colonnade.learn.recipe.reading import parse_recipe
from colonnade.learn.tuning.settings import DirectPreferenceSettings, LoraTuning, QLoraTuning

PAGE = (Path(__file__).parents[4] / "docs" / "training.md").read_text()
EVERY: tuple[type[BaseModel], ...] = (
    DirectPreferenceSettings, DistilSettings, ExampleSettings, LineSettings, QLoraTuning, Sharing,
)  # fmt: skip


def _blocks() -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_the_recipe_for_an_adapter_is_valid() -> None:
    text = next(block for block in _blocks() if "from: ./smollm2" in block)
    said = parse_recipe(text)
    assert said.tuning.kind == "lora"
    assert said.examples is not None
    preferring = next(block for block in _blocks() if "kind: dpo" in block)
    merged = yaml.safe_load(text) | yaml.safe_load(preferring)
    merged["optimiser"]["learning_rate"] = 2e-4
    assert parse_recipe(yaml.safe_dump(merged)).objective.kind == "dpo"


def test_the_recipe_with_a_teacher_is_valid() -> None:
    text = next(block for block in _blocks() if "from: ./smollm2" in block)
    taught = yaml.safe_load(next(block for block in _blocks() if "kind: distil" in block))
    taught.pop("data")  # the student's own is the teacher's
    said = parse_recipe(yaml.safe_dump(yaml.safe_load(text) | taught | {"tuning": {"kind": "full"}}))
    assert said.objective.kind == "distil"


def test_every_setting_is_named() -> None:
    for model in EVERY:
        for name in model.model_fields:
            assert re.search(rf"\b{name}\b", PAGE), f"{model.__name__}.{name}"


def test_the_table_of_an_adapter_has_its_defaults() -> None:
    usual = LoraTuning()
    for name in ("rank", "alpha", "dropout"):
        assert f"| `{name}` | {getattr(usual, name):g} |" in PAGE
