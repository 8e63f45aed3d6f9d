"""The page on planning has the table of presets as it is generated."""

from pathlib import Path

from colonnade.learn.plan.tables import of_presets
from colonnade.models.families.transformer.trainable import TRAINABLE

PAGE = Path(__file__).parents[3] / "docs" / "planning.md"


def test_the_presets_are_those_of_the_estimate() -> None:
    named = {name: preset for name, preset in TRAINABLE.presets.items() if name != "debug"}
    assert of_presets(named, 2048) in PAGE.read_text(encoding="utf-8")
