"""A model judged on text: the figures of a training's first look, recorded with what they were taken from."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from colonnade.errors import Conflict, InvalidArgument, NotFound
from colonnade.learn.evaluating import judge
from colonnade.learn.loop.stop import Stop
from colonnade.learn.loop.trainer import Ending
from colonnade.learn.place import Place
from colonnade.learn.recipe import EvaluateRecipe
from colonnade.learn.recipe.reading import parse_any
from colonnade.learn.reports import Evaluated, Event, Progressed, Sampled
from colonnade.learn.run import run
from colonnade.models.artefact import WEIGHTS
from tests.unit.learn.recipes import corpus
from tests.unit.learn.tuning.listening import Heard
from tests.unit.learn.tuning.origins import chat_folder, chats, from_examples, from_model, model_folder


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("model"))


def recipe(stories: Path, model: Path, data: dict[str, Any] | None = None, **changes: Any) -> EvaluateRecipe:
    sources = [{"kind": "jsonl", "name": "stories", "paths": [str(stories)]}]
    said = {
        "kind": "evaluate", "name": "held-out", "seed": 3, "model": {"from": str(model)},
        "data": {"sources": sources, "duplicates": {"kind": "exact"}, **(data or {})},
        "batch": {"tokens": 64, "rows": 4},
        "evaluation": {"batches": 2, "prompts": ["the cat"], "prompt_tokens": 4},
    }  # fmt: skip
    if "examples" in changes:
        del said["data"]
    found = parse_any(json.dumps(said | changes))
    assert isinstance(found, EvaluateRecipe)
    return found


def judged(wanted: EvaluateRecipe, folder: Path) -> tuple[Heard, dict[str, Any]]:
    heard = Heard()
    assert judge(wanted, Place(folder), heard, Stop()).ending is Ending.DONE
    return heard, json.loads((folder / "result.json").read_text())


def looks(heard: Heard) -> list[Event]:
    return [event for event in heard if isinstance(event, Evaluated | Sampled)]


def test_it_is_what_a_training_tells_before_its_first_step(
    stories: Path, model: Path, tmp_path: Path
) -> None:
    trained = from_model(stories, model, steps=3)
    heard = Heard()
    run(trained, Place(tmp_path / "trained"), heard, Stop())
    found, _ = judged(recipe(stories, model, {"split": {"validation": 0.1}}), tmp_path / "judged")
    assert looks(found) == looks(heard)[:2]
    assert len(looks(found)) == 2


def test_what_is_kept_of_it(stories: Path, model: Path, tmp_path: Path) -> None:
    wanted = recipe(stories, model)
    heard, result = judged(wanted, tmp_path / "run")
    (evaluated,) = [event for event in heard if isinstance(event, Evaluated)]
    assert result["metrics"] == {"validation": evaluated.values}
    assert result["metrics"]["validation"]["perplexity"] > 1
    assert (result["ending"], result["recipe_digest"]) == ("done", wanted.digest)
    assert result["recipe"]["kind"] == "evaluate"
    for digest in ("token_set", "base"):
        assert result[digest].startswith("sha256:")
    told = [
        (each.done, each.total) for each in heard if isinstance(each, Progressed) and each.stage == "evaluate"
    ]
    assert told == [(1, 2), (2, 2), (2, 2)]
    assert not (tmp_path / "run" / "model").exists()


def test_all_documents_are_looked_at_unless_a_share_is_said(
    stories: Path, model: Path, tmp_path: Path
) -> None:
    whole = {"evaluation": {"batches": 10_000}}
    heard, _ = judged(recipe(stories, model, **whole), tmp_path / "all")
    held, _ = judged(recipe(stories, model, {"split": {"validation": 0.1}}, **whole), tmp_path / "held")
    batches = [max(each.done for each in found if isinstance(each, Progressed) and each.stage == "evaluate")
               for found in (heard, held)]  # fmt: skip
    assert batches[0] > 5 * batches[1] > 0


def test_a_share_to_which_nothing_fell_is_refused(model: Path, tmp_path: Path) -> None:
    few = corpus(tmp_path / "few", documents=3)
    with pytest.raises(InvalidArgument, match="nothing fell to it") as refusal:
        judged(recipe(few, model, {"split": {"validation": 0.0001}}), tmp_path / "run")
    assert refusal.value.details["field"] == "data.split.validation"


def test_examples_are_judged_too(tmp_path: Path) -> None:
    folder, said = chat_folder(tmp_path / "model"), chats(tmp_path / "chats.jsonl")
    trained = from_examples(said, folder, steps=3)
    heard = Heard()
    run(trained, Place(tmp_path / "trained"), heard, Stop())
    examples = {"sources": [{"name": "examples", "paths": [str(said)], "longest": 64}], "validation": 0.2}
    same: dict[str, Any] = {"examples": examples, "batch": {"tokens": 64, "rows": 8}}
    found, result = judged(recipe(said, folder, **same), tmp_path / "judged")
    assert found.losses == heard.losses[:1]
    assert result["examples"].startswith("sha256:")
    alone = {**same, "examples": {**examples, "validation": 0}}
    assert judged(recipe(said, folder, **alone), tmp_path / "alone")[0].losses


def test_started_again_it_says_the_same(stories: Path, model: Path, tmp_path: Path) -> None:
    first, kept = judged(recipe(stories, model), tmp_path / "run")
    again, result = judged(recipe(stories, model), tmp_path / "run")
    assert (looks(again), result) == (looks(first), kept)
    with pytest.raises(Conflict, match="seed was 3 and is 4"):
        judged(recipe(stories, model, seed=4), tmp_path / "run")


@pytest.mark.parametrize("at", ["prepare", "evaluate"])
def test_stopped_it_leaves_no_result(stories: Path, model: Path, tmp_path: Path, at: str) -> None:
    stop = Stop()

    class Stopping(Heard):
        def __call__(self, event: Event) -> None:
            super().__call__(event)
            if isinstance(event, Progressed) and event.stage.startswith(at):
                stop.ask()

    outcome = judge(recipe(stories, model), Place(tmp_path / "run"), Stopping(), stop)
    assert outcome.ending is Ending.STOPPED
    assert not (tmp_path / "run" / "result.json").exists()


def test_a_damaged_model_is_not_well(stories: Path, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model")
    tensors = load_file(folder / WEIGHTS)
    next(iter(tensors.values())).fill_(float("nan"))
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    heard = Heard()
    outcome = judge(recipe(stories, folder), Place(tmp_path / "run"), heard, Stop())
    assert (outcome.ending, looks(heard)) == (Ending.SICK, [])
    assert "damaged" in outcome.sentence


def test_what_is_not_there_is_refused_by_field(stories: Path, model: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound) as missing:
        judged(recipe(stories, tmp_path / "nowhere"), tmp_path / "run")
    assert missing.value.details["field"] == "model.from"
    with pytest.raises(InvalidArgument, match="context_length") as long:
        judged(recipe(stories, model, batch={"tokens": 1 << 19}), tmp_path / "run")
    assert long.value.details["field"] == "batch.tokens"
