"""Runs on conversations and on pairs of answers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from colonnade.errors import Conflict, InvalidArgument
from colonnade.learn.data.batches import IGNORE
from colonnade.learn.data.chat_format import ChatFormat, Turn
from colonnade.learn.data.example_settings import ExampleSettings
from colonnade.learn.data.examples import Examples, read_examples
from colonnade.learn.loop.stop import Stop
from colonnade.learn.loop.trainer import Ending
from colonnade.learn.place import Place
from colonnade.learn.recipe import Recipe
from colonnade.learn.reports import Evaluated, Said, Sampled, Stepped
from colonnade.learn.run import run
from tests.unit.learn.tuning.listening import Heard, Stopping
from tests.unit.learn.tuning.origins import LORA, chat_folder, chats, from_examples, pairs

DPO: dict[str, Any] = {"objective": {"kind": "dpo", "beta": 0.5}, "tuning": LORA}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return chat_folder(tmp_path_factory.mktemp("base"))


def _read(path: Path, base: Path, kind: str = "conversations", **said: Any) -> Examples:
    source = {"name": "a", "paths": [str(path)], "longest": 64} | said.pop("source", {})
    settings = ExampleSettings.model_validate({"kind": kind, "sources": [source], "validation": 0.3} | said)
    return read_examples(settings, ChatFormat.of(base, 300), places=512, seed=0)


def _ran(wanted: Recipe, folder: Path) -> Heard:
    heard = Heard()
    assert run(wanted, Place(folder), heard, Stop()).ending is Ending.DONE
    return heard


def _adapter(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = load_file(folder / "adapter" / "adapter_model.safetensors")
    return found


def _rows(batches: Any) -> list[tuple[int, ...]]:
    return [
        tuple(row[row != IGNORE].tolist()) + tuple(tokens.tolist()[:20])
        for batch in batches
        for tokens, row in zip(batch.tokens_BT, batch.targets_BT, strict=True)
    ]


def test_every_example_is_on_one_side_and_comes_once(base: Path, tmp_path: Path) -> None:
    found = _read(chats(tmp_path / "a.jsonl"), base)
    assert found.validation is not None
    train, validation = _rows(found.train.whole()), _rows(found.validation.whole())
    assert (len(train), len(validation)) == found.counts
    assert sum(found.counts) == 120
    assert 15 < found.counts[1] < 60
    assert len(set(train) | set(validation)) == 120
    assert 0 < len(_rows(found.train.whole(2))) < len(train)
    assert _rows(found.train.whole(2)) == _rows(found.train.whole(2))


def test_which_are_held_out_depends_on_what_is_asked_alone(base: Path, tmp_path: Path) -> None:
    """Neither on the order, nor on the answer, nor on what else is there."""
    path = pairs(tmp_path / "a.jsonl")
    found = _read(path, base, "preferences")
    assert found.counts[0] % 2 == found.counts[1] % 2 == 0, "two pairs to each question stay together"
    lines = path.read_text().splitlines()
    (tmp_path / "b.jsonl").write_text("\n".join(reversed(lines)) + "\n")
    again = _read(tmp_path / "b.jsonl", base, "preferences")
    assert again.counts == found.counts
    assert again.digest != found.digest
    assert _read(path, base, "preferences").digest == found.digest
    assert _read(path, base, "preferences", seed=5).counts != found.counts


def test_a_source_may_be_for_one_side_and_what_is_left_out_is_told(base: Path, tmp_path: Path) -> None:
    path = chats(tmp_path / "a.jsonl", 10)
    with path.open("a") as file:
        file.write(json.dumps({"prompt": "why?", "answer": "the cat sat. " * 40}) + "\n")
    assert _read(path, base, source={"split": "train"}).counts == (10, 0)
    assert _read(path, base, validation=0).validation is None
    assert _read(path, base, source={"split": "train"}).sentence == (
        "10 examples to learn from, 0 for validation; left out: too_long 1"
    )
    with pytest.raises(InvalidArgument, match="no sample to learn from"):
        _read(path, base, source={"split": "validation"})


def test_only_answers_are_learnt_from(base: Path, tmp_path: Path) -> None:
    chat = ChatFormat.of(base, 300)
    found = _read(chats(tmp_path / "a.jsonl"), base)
    batch = next(found.train.whole())
    asked = chat.asked("who sat on mat 1?")
    answer = chat.conversation(_turns("who sat on mat 1?")).tokens
    assert list(answer[: len(asked)]) == asked, "a prompt stands as it does before its answer"
    for tokens, targets in zip(batch.tokens_BT, batch.targets_BT, strict=True):
        learnt = targets[targets != IGNORE].tolist()
        assert learnt[-1] == chat.end
        assert 0 < len(learnt) < int(np.count_nonzero(tokens != chat.end)) - 5


def _turns(asked: str) -> list[Turn]:
    return [Turn("user", asked), Turn("assistant", "the cat sat.")]


@pytest.mark.parametrize("tuning", [LORA, {"kind": "full"}])
def test_learns_to_answer(base: Path, tmp_path: Path, tuning: dict[str, Any]) -> None:
    path = chats(tmp_path / "a.jsonl")
    wanted = from_examples(path, base, tuning=tuning, steps=16, evaluation={"prompts": ["who sat?"]})
    heard = _ran(wanted, tmp_path / "run")
    assert heard.losses[-1] < heard.losses[0] - 0.5
    assert "perplexity" in _evaluated(heard)
    asked = [event.prompt for event in heard if isinstance(event, Sampled)]
    assert asked == ["who sat?"] * 4, "the first time before it learns"
    assert any("for validation" in event.sentence for event in heard if isinstance(event, Said))
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["examples"].startswith("sha256:")
    assert (tmp_path / "run" / ("adapter" if tuning["kind"] == "lora" else "model")).is_dir()
    assert not (tmp_path / "run" / "data").exists()


def _evaluated(heard: Heard) -> dict[str, float]:
    return dict([event for event in heard if isinstance(event, Evaluated)][-1].values)


def test_learns_to_prefer(base: Path, tmp_path: Path) -> None:
    path = pairs(tmp_path / "a.jsonl")
    heard = _ran(from_examples(path, base, "preferences", steps=16, **DPO), tmp_path / "run")
    found = _evaluated(heard)
    assert found.keys() == {"loss", "accuracy", "margin", "chosen_reward", "rejected_reward"}
    assert found["accuracy"] > 0.95
    assert found["margin"] == pytest.approx(found["chosen_reward"] - found["rejected_reward"], rel=1e-4)
    assert found["loss"] < heard.losses[0] < 0.7
    told = [event.values for event in heard if isinstance(event, Stepped)]
    assert told[-1]["margin"] > told[0]["margin"]
    assert 0 <= told[0]["accuracy"] <= 1


def test_stopped_it_goes_on_to_the_same_bits(base: Path, tmp_path: Path) -> None:
    wanted = from_examples(pairs(tmp_path / "a.jsonl"), base, "preferences", steps=8, **DPO)
    _ran(wanted, tmp_path / "whole")
    place, stop = Place(tmp_path / "stopped"), Stop()
    assert run(wanted, place, Stopping(stop, 4), stop).ending is Ending.STOPPED
    _ran(wanted, place.folder)
    one, other = _adapter(tmp_path / "whole"), _adapter(place.folder)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_it_does_not_go_on_with_other_examples(base: Path, tmp_path: Path) -> None:
    path = chats(tmp_path / "a.jsonl")
    wanted, place, stop = from_examples(path, base, tuning=LORA), Place(tmp_path / "run"), Stop()
    assert run(wanted, place, Stopping(stop, 4), stop).ending is Ending.STOPPED
    chats(path, 121)
    with pytest.raises(Conflict, match="began with another examples"):
        run(wanted, place, Heard(), Stop())


def test_how_pairs_are_spread_over_passes_changes_nothing(base: Path, tmp_path: Path) -> None:
    """A step's mean is over all its pairs, however many passes they take."""
    path = tmp_path / "a.jsonl"
    line = {"prompt": "who?", "chosen": "the cat.", "rejected": "a dog."}
    path.write_text("".join(json.dumps(line) + "\n" for _ in range(16)))
    for name, rows, accumulate in (("whole", 8, 1), ("parts", 2, 4)):
        batch = {"rows": rows, "accumulate": accumulate, "tokens": 32}
        source = {"name": "a", "paths": [str(path)], "longest": 32, "split": "train"}
        wanted = from_examples(
            path, base, "preferences", batch=batch, examples={"sources": [source], "window": 16},
            optimiser={"name": "sgd"}, steps=4, **DPO,
        )  # fmt: skip
        _ran(wanted, tmp_path / name)
    one, other = _adapter(tmp_path / "whole"), _adapter(tmp_path / "parts")
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=1e-4, atol=1e-6)


def test_computing_activations_again_changes_nothing(base: Path, tmp_path: Path) -> None:
    """Not even where parts of a row are left out by chance, and the model is met without its adapter."""
    path = pairs(tmp_path / "a.jsonl", 20)
    said = DPO | {"tuning": LORA | {"dropout": 0.2}}
    for name, recompute in (("kept", False), ("again", True)):
        wanted = from_examples(path, base, "preferences", steps=4, batch={"recompute": recompute}, **said)
        _ran(wanted, tmp_path / name)
    one, other = _adapter(tmp_path / "kept"), _adapter(tmp_path / "again")
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=1e-4, atol=1e-6)
