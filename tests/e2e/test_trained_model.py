"""What was trained here is pushed as it lies there, and answers as it did when it was trained."""

import json
from pathlib import Path

import pytest

from tests.harness.platform import Platform
from tests.unit.learn.recipes import corpus, recipe


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that is done."""
    from colonnade.learn.loop.stop import Stop
    from colonnade.learn.place import Place
    from colonnade.learn.reports.json_lines import JsonLines
    from colonnade.learn.run import run

    folder = tmp_path_factory.mktemp("trained")
    wanted = recipe(
        corpus(folder / "corpus"), steps=60, evaluation={"prompts": ["the cat"], "prompt_tokens": 8}
    )
    place = Place(folder / "run")
    with (folder / "told.jsonl").open("w") as told:
        run(wanted, place, JsonLines(told), Stop())
    return folder


def test_a_trained_model_is_pushed_and_goes_on_as_it_did(platform: Platform, trained: Path) -> None:
    platform.command("models", "push", str(trained / "run" / "model"), "stories", "--alias", "trained")
    said = [json.loads(line) for line in (trained / "told.jsonl").read_text().splitlines()]
    sample = [line for line in said if line["event"] == "sample"][-1]
    asked = {"model": "stories@trained", "prompt": sample["prompt"], "max_tokens": 8, "temperature": 0}
    with platform.client() as client:
        answer = client.post("/generate", json=asked).json()
    assert answer["text"] == sample["text"]
    assert answer["model"]["name"] == "stories"
