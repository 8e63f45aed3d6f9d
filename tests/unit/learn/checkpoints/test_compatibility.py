"""Old checkpoints load: each format that was ever written has one in this folder, never to be made again."""

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import ColonnadeError, InvalidArgument, Unsupported
from colonnade.learn.checkpoints import catalogue
from colonnade.learn.checkpoints.compatibility import FORMAT, Contents, decode, encode
from colonnade.learn.checkpoints.shard import FileFacts
from tests.unit.learn.checkpoints.making import same_tensors

_WEIGHT = torch.arange(12, dtype=torch.float32).reshape(3, 4) / 8 - 0.5
TENSORS = {
    "model/embedding.weight": _WEIGHT,
    "model/head.weight": _WEIGHT,
    "model/norm.weight": torch.tensor([1.0, -0.0, torch.inf, 5e-324], dtype=torch.float64),
    "optimiser/embedding.weight/exp_avg": (_WEIGHT / 3).to(torch.bfloat16),
    "optimiser/embedding.weight/exp_avg_sq": (_WEIGHT * _WEIGHT).to(torch.float16),
    "optimiser/embedding.weight/step": torch.tensor(1234.0),
    "average/embedding.weight": _WEIGHT * 0.75,
    "loader/seen": torch.tensor([-(2**63), 2**63 - 1]),
    "loader/flags": torch.tensor([True, False, True]),
    "loader/none": torch.zeros(0, 7, dtype=torch.int32),
}
FACTS: dict[str, Any] = {
    "recipe": {"name": "tiny", "seed": 7, "words": "grün 漢字"},
    "schedule": {"kind": "cosine", "warm_up": 100},
    "scaler": {"scale": 65536.0, "good_steps": 3},
    "metrics": {"train": {"loss": 2.25}, "validation": {"loss": 0.1 + 0.2}, "best": 1e-300},
    "random": {"numpy": {"words": "00ff", "position": 624, "gauss": None}},
    "optimiser": {"class": "AdamW", "groups": [{"lr": 3e-4, "betas": [0.9, 0.95], "parameters": ["a"]}]},
}


def test_a_checkpoint_of_format_1_loads() -> None:
    told: list[str] = []
    found = catalogue.newest(Path(__file__).parent / "format_1", told.append)
    assert told == []
    assert found is not None
    assert (found.step, found.epoch, found.facts) == (1234, 2.5, FACTS)
    assert same_tensors({name: found.tensors[name] for name in TENSORS}, TENSORS)
    assert found.tensors.keys() == TENSORS.keys()
    assert found.tensors["model/head.weight"] is found.tensors["model/embedding.weight"]


def test_every_format_has_a_checkpoint_here() -> None:
    here = {path.name for path in Path(__file__).parent.glob("format_*")}
    assert here == {f"format_{number}" for number in range(1, FORMAT + 1)}


CONTENTS = Contents(
    step=3,
    epoch=0.5,
    facts={"metrics": {"loss": 1.5}},
    files={"tensors-00001.safetensors": FileFacts(80, "ab" * 32)},
    tensors={"a": "tensors-00001.safetensors"},
    shared={"b": "a"},
)


def test_what_was_encoded_is_decoded() -> None:
    assert decode(encode(CONTENTS)) == CONTENTS


def test_how_it_is_laid_out_does_not_matter() -> None:
    said = json.loads(encode(CONTENTS))
    other = json.dumps(dict(reversed(said.items())), indent=7)
    assert decode(other.encode()) == CONTENTS


def test_a_later_format_is_unsupported_and_says_which_is_not() -> None:
    said = json.loads(encode(CONTENTS)) | {"format": FORMAT + 1, "moved": []}
    with pytest.raises(
        Unsupported, match=f"is of format {FORMAT + 1}, and this program reads up to {FORMAT}"
    ):
        decode(json.dumps(said).encode())


@pytest.mark.parametrize("number", [None, 0, -1, "1", 1.0, True, [1]])
def test_what_is_no_format_is_refused(number: Any) -> None:
    said = json.loads(encode(CONTENTS)) | {"format": number}
    with pytest.raises(InvalidArgument, match="format"):
        decode(json.dumps(said).encode())


@pytest.mark.parametrize(
    "broken",
    [
        {"step": -1},
        {"step": "3"},
        {"step": True},
        {"epoch": "x"},
        {"facts": []},
        {"files": {"../../x.safetensors": FileFacts(80, "ab" * 32)}},
        {"files": {"checkpoint.json": FileFacts(80, "ab" * 32)}},
        {"files": {"tensors-00001.safetensors": FileFacts(-1, "ab" * 32)}},
        {"files": {"tensors-00001.safetensors": FileFacts(80, "AB" * 32)}},
        {"tensors": {"a": "tensors-00002.safetensors"}},
        {"tensors": {"a": ["tensors-00001.safetensors"]}},
        {"tensors": None},
        {"shared": {"b": "c"}},
        {"shared": {"a": "a"}},
    ],
)
def test_what_contradicts_itself_is_refused(broken: dict[str, Any]) -> None:
    """With a digest that is right: a program wrote it so."""
    with pytest.raises(InvalidArgument, match=r"checkpoint\.json"):
        decode(encode(replace(CONTENTS, **broken)))


@given(st.integers(0), st.integers(0, 7))
def test_a_changed_bit_changes_nothing_or_is_noticed(place: int, bit: int) -> None:
    content = bytearray(encode(CONTENTS))
    content[place % len(content)] ^= 1 << bit
    with suppress(ColonnadeError):
        assert decode(bytes(content)) == CONTENTS  # a bit of white space


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(ColonnadeError):
        decode(data)
