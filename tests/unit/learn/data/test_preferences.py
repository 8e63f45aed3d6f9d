"""Pairs of answers follow the same prompt, and stay pairs in every batch."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.errors import InvalidArgument
from colonnade.learn.data.batches import IGNORE, TokenBatch
from colonnade.learn.data.chat_format import ChatFormat
from colonnade.learn.data.conversations import LineSettings
from colonnade.learn.data.lengths import LengthSettings
from colonnade.learn.data.preferences import PreferenceLoader, Preferences, read_preferences
from colonnade.models.text import Template, Tokenizer
from tests.unit.engine.toys import spelling

END = 256
BYTES = Tokenizer(spelling.definition())
CHAT = ChatFormat(BYTES, Template(spelling.TEMPLATE, {}), end=END)


def read(folder: Path, *written: Any, **said: Any) -> Preferences:
    (folder / "a.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in written))
    settings: dict[str, Any] = {"name": "pairs", "paths": (str(folder / "a.jsonl"),), "longest": 200}
    return read_preferences(LineSettings(**settings | said), CHAT)


def answers(batch: TokenBatch) -> list[str]:
    return [BYTES.spell(row[row != IGNORE].tolist()) for row in batch.targets_BT]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Preferences:
    pairs = (
        {"prompt": "p" * (n % 7), "chosen": f"{n}c" + "c" * n, "rejected": f"{n}r" + "r" * (n * 5 % 31)}
        for n in range(40)
    )
    return read(tmp_path_factory.mktemp("pairs"), *pairs)


def test_both_answers_follow_the_same_tokens(tmp_path: Path) -> None:
    earlier = [
        {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
    ]  # fmt: skip
    held = read(
        tmp_path,
        {"prompt": "1+1?", "chosen": "2", "rejected": "eleven"},
        {"prompt": earlier, "chosen": "d", "rejected": "e"},
    )
    for number, said in enumerate((("2", "eleven"), ("d", "e"))):
        sides = held.chosen.sample(number), held.rejected.sample(number)
        for sample, answer in zip(sides, said, strict=True):
            assert BYTES.spell(sample.tokens[sample.learnt].tolist()) == f"{answer}<|end|>"
        prompts = [sample.tokens[: int(sample.learnt.argmax())].tolist() for sample in sides]
        assert prompts[0] == prompts[1]


@settings(deadline=None, max_examples=30)
@given(step=st.integers(0, 200), world=st.integers(1, 4))
def test_the_ranks_together_have_what_one_process_has(many: Preferences, step: int, world: int) -> None:
    def pairs(rank: int, world: int) -> list[tuple[str, str]]:
        loader = PreferenceLoader(many, LengthSettings(600), pad=END, seed=1, rank=rank, world=world)
        batch = loader.batch(step)
        assert batch.chosen.tokens_BT.numel() + batch.rejected.tokens_BT.numel() <= 600
        found = list(zip(answers(batch.chosen), answers(batch.rejected), strict=True))
        return [pair for pair in found if pair != ("", "")]

    alone = pairs(0, 1)
    assert alone == [pair for rank in range(world) for pair in pairs(rank, world)]
    assert all(chosen.split("c")[0] == rejected.split("r")[0] for chosen, rejected in alone)


def test_every_pair_comes_once_an_epoch_and_streams_resume(many: Preferences) -> None:
    loader = PreferenceLoader(many, LengthSettings(600), pad=END, seed=1)
    seen: list[str] = []
    step = 0
    with loader.stream(0) as batches:
        while loader.epoch(step) < 1:
            batch = next(batches)
            assert torch.equal(batch.rejected.targets_BT, loader.batch(step).rejected.targets_BT)
            seen += answers(batch.chosen)
            step += 1
    assert sorted(seen) == sorted(f"{n}c" + "c" * n + "<|end|>" for n in range(40))


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ({"prompt": "a", "chosen": "b", "rejected": "b"}, "chosen and rejected are the same"),
        ({"prompt": "a", "chosen": "b"}, "rejected must be a text"),
        ({"chosen": "b", "rejected": "c"}, "prompt must be a list of messages"),
    ],
)
def test_a_line_that_is_no_pair_is_refused(tmp_path: Path, line: Any, what: str) -> None:
    with pytest.raises(InvalidArgument, match=f"source pairs: a.jsonl, line 1: {what}"):
        read(tmp_path, line)


def test_a_pair_goes_where_either_answer_is_too_long(tmp_path: Path) -> None:
    held = read(
        tmp_path,
        {"prompt": "a", "chosen": "b" * 300, "rejected": "c"},
        {"prompt": "a", "chosen": "b", "rejected": "c" * 300},
        {"prompt": "a", "chosen": "b", "rejected": "c"},
    )
    assert (held.chosen.places.size, held.rejected.places.size) == (1, 1)
    assert held.dropped == {"too_long": 2}
