"""Tokenizers: trained, from tokenizer.json and from GPT-2's files; and what becomes of a text in them."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from colonnade.errors import InvalidArgument, NotFound
from colonnade.learn.data.settings import (
    FillInMiddleSettings,
    GptFilesSettings,
    TokenizerFileSettings,
    TrainedTokenizerSettings,
)
from colonnade.learn.data.tokenizing import Encoder, TokenizerFiles, load, train
from tests.unit.learn.data.corpora import texts

END = "<|endoftext|>"


def trained(**said: bool) -> TokenizerFiles:
    settings = TrainedTokenizerSettings.model_validate({"vocabulary": 400} | said)
    return train(settings, texts(60))


TRAINED = trained(chat=True, fill_in_middle=True)


@given(st.text(max_size=80))
def test_every_text_comes_back(text: str) -> None:
    (ids,) = Encoder(TRAINED.definition, END).encode([[text]])
    decoder = tokenizers.Tokenizer.from_str(TRAINED.definition)
    assert decoder.decode(ids.tolist(), skip_special_tokens=False) == text


def test_special_tokens_have_the_first_numbers_and_come_from_no_text() -> None:
    encoder = Encoder(TRAINED.definition, END)
    special = [END, "<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"]
    assert [encoder.number(token, "x") for token in special] == list(range(6))
    assert encoder.end_of_text == 0
    assert encoder.vocabulary == 400
    (ids,) = encoder.encode([["".join(special)]])
    assert ids.min() >= 6
    marks = encoder.marks(FillInMiddleSettings())
    assert (marks.prefix, marks.middle, marks.suffix) == (3, 4, 5)


def test_training_is_the_same_in_another_process_on_one_thread() -> None:
    command = (
        "import hashlib; from tests.unit.learn.data.test_tokenizing import trained;"
        "print(hashlib.sha256(trained(chat=True, fill_in_middle=True).definition.encode()).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", command],
        env={"TOKENIZERS_PARALLELISM": "false", "PYTHONHASHSEED": "7"},
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[4],
    )
    assert done.stdout.strip() == hashlib.sha256(TRAINED.definition.encode()).hexdigest()


def test_the_folder_is_one_that_transformers_reads(tmp_path: Path) -> None:
    TRAINED.write(tmp_path)
    theirs = PreTrainedTokenizerFast.from_pretrained(str(tmp_path))
    assert theirs.eos_token == theirs.bos_token == END
    (ids,) = Encoder(TRAINED.definition, END).encode([["Some text, and more of it."]])
    assert theirs("Some text, and more of it.")["input_ids"] == ids.tolist()


def test_a_folder_with_a_tokenizer_keeps_its_definition_and_its_roles(tmp_path: Path) -> None:
    TRAINED.write(tmp_path)
    said = {"eos_token": {"content": "<|im_end|>"}, "chat_template": "{{ messages }}", "padding_side": "left"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(said))
    for path in (tmp_path, tmp_path / "tokenizer.json"):
        files = load(TokenizerFileSettings(path=str(path)))
        assert files.definition == TRAINED.definition
        assert files.config["eos_token"] == "<|im_end|>"
        assert files.config["chat_template"] == "{{ messages }}"
        assert "padding_side" not in files.config


def test_what_is_no_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"tokenizer\.json"):
        load(TokenizerFileSettings(path=str(tmp_path)))
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(InvalidArgument, match="not a tokenizer of the tokenizers library"):
        load(TokenizerFileSettings(path=str(tmp_path)))


def test_a_token_that_is_missing_is_named_with_those_that_are_there() -> None:
    with pytest.raises(InvalidArgument, match=r"end_of_text '</s>'; its special tokens are: \"<\|endoftext"):
        Encoder(TRAINED.definition, "</s>")
    plain = Encoder(trained().definition, END)
    with pytest.raises(InvalidArgument, match=r"fill_in_middle\.prefix"):
        plain.marks(FillInMiddleSettings())


def _gpt_files(folder: Path) -> GptFilesSettings:
    model = json.loads(trained().definition)["model"]
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    merges = "\n".join(" ".join(pair) for pair in model["merges"])
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n")
    return GptFilesSettings(
        vocabulary_path=str(folder / "vocab.json"), merges_path=str(folder / "merges.txt")
    )


def test_the_files_of_gpt2_give_the_same_tokens(tmp_path: Path) -> None:
    made = Encoder(load(_gpt_files(tmp_path)).definition, END)
    original = Encoder(trained().definition, END)
    rows = [[text] for text in texts(20, seed=4)] + [["# a hash\n\n  and <|endoftext|>"]]
    for one, other in zip(made.encode(rows), original.encode(rows), strict=True):
        assert np.array_equal(one, other)
    assert made.end_of_text == original.end_of_text


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("vocab.json", '{"a": 0, "b": 2}', "number its tokens from 0"),
        ("vocab.json", "[1]", "vocab.json"),
        ("merges.txt", "#version: 0.2\na b\na b c\n", "merge 2 is not two tokens"),
        ("merges.txt", "nothing there\n", "does not belong to vocab.json"),
    ],
)
def test_damaged_files_of_gpt2_are_named(tmp_path: Path, name: str, content: str, said: str) -> None:
    settings = _gpt_files(tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(InvalidArgument, match=said):
        load(settings)


def test_a_long_text_is_encoded_in_pieces_and_as_one() -> None:
    text = " ".join(texts(3000, seed=8))
    assert len(text) > 3 * (1 << 18)
    (ids,) = Encoder(TRAINED.definition, END).encode([[text]])
    whole = tokenizers.Tokenizer.from_str(TRAINED.definition).encode(text).ids
    assert ids.tolist() == whole


def test_added_tokens_that_are_no_control_tokens_stay() -> None:
    tokenizer = tokenizers.Tokenizer.from_str(TRAINED.definition)
    tokenizer.add_tokens([tokenizers.AddedToken("    ", special=False, normalized=False)])
    (ids,) = Encoder(tokenizer.to_str(), END).encode([["a    b"]])
    assert tokenizer.token_to_id("    ") in ids


def test_a_vocabulary_that_spells_a_control_token_cannot_write_it() -> None:
    model = tokenizers.models.WordLevel({"[UNK]": 0, "[END]": 1, "word": 2}, unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(["[END]"])
    (ids,) = Encoder(tokenizer.to_str(), "[END]").encode([["word [END] word"]])
    assert 1 not in ids
    assert ids[0] == ids[-1] == 2
