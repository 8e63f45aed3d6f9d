"""The catalogue through the public door: said, searched, renamed, deleted, and what answers afterwards."""

import json
import shutil
from pathlib import Path

import pytest

from colonnade.client import Colonnade, Metric
from colonnade.errors import Conflict, NotFound
from tests.harness.platform import Platform

ALIAS = "shelved"


@pytest.fixture(scope="module")
def shelved(platform: Platform, tiny_model: Path) -> Platform:
    """A model whose folder has a README."""
    folder = tiny_model.parent / "shelved-folder"
    shutil.copytree(tiny_model, folder)
    (folder / "README.md").write_text("# A tiny one\n\nMade for tests.\n")
    platform.command("models", "import", str(folder), "--name", "shelved-model", "--alias", ALIAS)
    return platform


def test_from_its_card_to_its_end(shelved: Platform) -> None:
    with Colonnade(shelved.url) as client:
        seen = client.models.version("shelved-model", 1)
        assert seen.card.startswith("# A tiny one")
        assert seen.signature["inputs"][0]["name"] == "prompt"
        said = client.models.describe_version(
            "shelved-model", 1, set_tags={"team": "shelves"}, add_metrics=[Metric("loss", 1.5, 3)],
            expected_revision=seen.revision,
        )  # fmt: skip
        assert said.revision == seen.revision + 1
        with pytest.raises(Conflict):
            client.models.describe_version("shelved-model", 1, card="x", expected_revision=seen.revision)
        found = client.models.search_versions("tags.team = 'shelves' AND metrics.loss < 2")
        assert [(each.name, each.version) for each in found] == [("shelved-model", 1)]
        with pytest.raises(Conflict, match="means shelved-model:1"):
            client.models.delete_version("shelved-model", 1)
        assert client.generate("The sea", model=f"shelved-model@{ALIAS}", max_tokens=2).model.version == 1
        client.models.rename("shelved-model", "renamed-model")
        with pytest.raises(NotFound):
            client.generate("The sea", model=f"shelved-model@{ALIAS}", max_tokens=2)
        answer = client.generate("The sea", model=f"renamed-model@{ALIAS}", max_tokens=2)
        assert (answer.model.name, answer.model.digest) == ("renamed-model", seen.digest)
        client.models.delete_alias("renamed-model", ALIAS)
        client.models.delete("renamed-model", why="over")
        with pytest.raises(NotFound):
            client.generate("The sea", model="renamed-model:1", max_tokens=2)


def test_the_commands(shelved: Platform) -> None:
    def told(*arguments: str) -> str:
        return shelved.command("models", *arguments).stdout

    told("describe", "planned-model", "--create", "--description", "Not there yet")
    told("tag", "planned-model", "team=planners")
    found = json.loads(told("search", "tags.team = 'planners'", "--json"))
    assert [(each["name"], each["latest_version"]) for each in found] == [("planned-model", 0)]
    assert "planned-model" in told("list")
    told("rename", "planned-model", "planned-better")
    told("delete", "planned-better")
    assert json.loads(told("search", "tags.team = 'planners'", "--json")) == []
