"""The recipes that come with the project are recipes."""

from pathlib import Path

import pytest

from colonnade.learn.recipe.reading import parse_any

RECIPES = sorted((Path(__file__).parents[4] / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("path", RECIPES, ids=[path.stem for path in RECIPES])
def test_every_recipe_fits(path: Path) -> None:
    brought = path.read_text().replace("registry:", "./")  # as the training service puts a folder there
    assert parse_any(brought).name == path.stem


def test_there_are_some() -> None:
    assert {"shakespeare", "smollm2-plays", "evaluate", "smollm2-small"} <= {path.stem for path in RECIPES}
