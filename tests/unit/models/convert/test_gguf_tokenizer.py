import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers.integrations.gguf import gguf_tokenizer_mapping as independent

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.models.convert.gguf_tokenizer import tokenizer_files
from tests.unit.models.tiny_gguf import byte_tokenizer

CORPUS = [
    "The year 2024 saw 1234567 visitors; it's  the 3rd   time we've seen that!",
    "def f(x):\n    return x ** 2  # ½ and ²\n\n\n\tprint(f(10))\r\n",
    "東京は日本の首都です。 Ωμέγα é e\u0301 naïve 🎉👨‍👩‍👧",
] * 4
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
texts = st.text(max_size=60) | st.lists(
    st.sampled_from([*CORPUS, " ", "  ", "\n", "12", "1", "a", "<|im_end|>", "it'S", "\t", "é", "..."]),
    max_size=6,
).map("".join)

GPT2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
PIPELINES: Mapping[str, Any] = {
    "gpt-2": GPT2,
    "smollm": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), GPT2]),
    "llama-bpe": pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(independent.GGUF_PRE_TOKENIZER_SPLITS["llama-bpe"]), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    ),
    "qwen2": pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(independent.GGUF_PRE_TOKENIZER_SPLITS["qwen2"]), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    ),
}
"""The tokenizers that models with these names were trained with, as their makers published them."""


def trained(name: str) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(ignore_merges=name == "llama-bpe"))
    tokenizer.pre_tokenizer = PIPELINES[name]
    tokenizer.decoder = decoders.ByteLevel()
    if name == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=420, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def metadata_of(tokenizer: Tokenizer, name: str) -> dict[str, Any]:
    vocabulary = tokenizer.get_vocab()
    tokens = sorted(vocabulary, key=lambda token: vocabulary[token])
    model = json.loads(tokenizer.to_str())["model"]
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": name,
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [3 if token in SPECIAL else 1 for token in tokens],
        "tokenizer.ggml.merges": [" ".join(merge) for merge in model["merges"]],
        "tokenizer.ggml.add_bos_token": False,
    }


PAIRS = {name: (trained(name), metadata_of(trained(name), name)) for name in PIPELINES}
REBUILT = {
    name: Tokenizer.from_str(tokenizer_files(metadata, 420).tokenizer)
    for name, (_, metadata) in PAIRS.items()
}


@pytest.mark.parametrize("name", PIPELINES)
@settings(max_examples=100, deadline=None)
@given(text=texts)
def test_byte_level_tokenizers_come_back(name: str, text: str) -> None:
    original, _ = PAIRS[name]
    assert REBUILT[name].encode(text).ids == original.encode(text).ids


@pytest.mark.parametrize("name", PIPELINES)
@settings(max_examples=50, deadline=None)
@given(text=texts)
def test_decoding_undoes_encoding(name: str, text: str) -> None:
    rebuilt = REBUILT[name]
    expected = normalizers.NFC().normalize_str(text) if name == "qwen2" else text
    assert rebuilt.decode(rebuilt.encode(text).ids, skip_special_tokens=False) == expected


@pytest.mark.parametrize("name", ["default", "tekken", "smaug-bpe"])
def test_other_splits_decode_what_they_encode(name: str) -> None:
    metadata = PAIRS["gpt-2"][1] | {"tokenizer.ggml.pre": name}
    rebuilt = Tokenizer.from_str(tokenizer_files(metadata, 420).tokenizer)
    for text in CORPUS:
        assert rebuilt.decode(rebuilt.encode(text).ids) == text


PIECES = {
    "<unk>": 0.0, "<s>": 0.0, "</s>": 0.0, "▁": -1.0, "a": -2.0, "b": -3.0, "c": -3.5, "ab": -4.0, "bc": -4.5,
    "▁a": -5.0, "abc": -6.0, "▁ab": -7.0, "▁▁": -8.0, "▁abc": -9.0, "cc": -9.5, "<tool>": 0.0,
}  # fmt: skip
SPM_TOKENS = [*PIECES, *(f"<0x{byte:02X}>" for byte in range(256))]
SPM: dict[str, Any] = {
    "tokenizer.ggml.model": "llama",
    "tokenizer.ggml.tokens": SPM_TOKENS,
    "tokenizer.ggml.scores": [*PIECES.values(), *[0.0] * 256],
    "tokenizer.ggml.token_type": [2, 3, 3, *[1] * 12, 4, *[6] * 256],
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
}
SPM_REBUILT = Tokenizer.from_str(tokenizer_files(SPM, 300).tokenizer)


def sentence_piece(text: str) -> list[int]:
    """The algorithm written out: merge the neighbours whose union scores best, leftmost first."""
    pieces = list("▁" + text.replace(" ", "▁"))
    while unions := [(-PIECES[a + b], at) for at, (a, b) in enumerate(pairwise(pieces)) if a + b in PIECES]:
        _, best = min(unions)
        pieces[best : best + 2] = [pieces[best] + pieces[best + 1]]
    spelled = [
        [piece] if piece in PIECES else [f"<0x{byte:02X}>" for byte in piece.encode()] for piece in pieces
    ]
    return [1, *(SPM_TOKENS.index(token) for tokens in spelled for token in tokens)]


@settings(max_examples=150, deadline=None)
@given(text=st.text(alphabet="abc ab é東\n", min_size=1, max_size=25))
def test_sentence_piece_merges_as_the_algorithm_does(text: str) -> None:
    assert SPM_REBUILT.encode(text).ids == sentence_piece(text)
    assert SPM_REBUILT.decode(SPM_REBUILT.encode(text).ids) == text


def test_marked_tokens_stay_whole() -> None:
    assert SPM_REBUILT.encode("<tool>").tokens == ["<s>", "<tool>"]
    assert REBUILT["smollm"].encode("a<|im_end|>").tokens == ["a", "<|im_end|>"]


def test_without_a_prefix_space() -> None:
    files = tokenizer_files(
        SPM | {"tokenizer.ggml.add_space_prefix": False, "tokenizer.ggml.add_bos_token": False}, 300
    )
    tokenizer = Tokenizer.from_str(files.tokenizer)
    assert tokenizer.encode("ab c").tokens == ["ab", "▁", "c"]
    assert tokenizer.decode(tokenizer.encode(" ab").ids) == " ab"


def test_settings_and_turn_ends_are_kept() -> None:
    files = tokenizer_files(byte_tokenizer(97), 97)
    assert files.config["chat_template"] == "{{ messages }}"
    assert (files.config["bos_token"], files.config["eos_token"]) == ("<|im_start|>", "<|im_end|>")
    assert files.generation == {"bos_token_id": 1, "eos_token_id": [0, 2], "pad_token_id": None}
    assert tokenizer_files(SPM, 300).config["add_bos_token"] is True


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "t5"}, "supported are llama, and gpt2 with default"),
        ({"pre": "viking"}, "'viking'"),
        ({"pre": ["smollm"]}, "not supported"),
        ({"tokens": [1, 2]}, "not a list of texts"),
        ({"tokens": ["a"] * 3}, "names a token twice"),
        ({"tokens": [str(n) for n in range(98)]}, "larger than the embedding"),
        ({"merges": ["q zz"]}, "inconsistent"),
        ({"merges": ["ab"]}, "inconsistent"),
        ({"merges": None}, "merges must be there"),
        ({"token_type": [1]}, "no type for each token"),
        ({"eos_token_id": 5000}, "eos_token_id is not in its vocabulary"),
        ({"bos_token_id": "<s>"}, "bos_token_id"),
        ({"add_bos_token": 1}, "add_bos_token"),
    ],
)
def test_bad_tokenizers_are_refused(change: dict[str, Any], message: str) -> None:
    metadata = byte_tokenizer(97) | {f"tokenizer.ggml.{key}": value for key, value in change.items()}
    with pytest.raises((InvalidArgument, Unsupported), match=message):
        tokenizer_files(metadata, 97)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": [0.0]}, "no score for each token"),
        ({"tokens": [*SPM_TOKENS[:-1], "x" * 600]}, "longer than 512"),
        ({"scores": ["high"] * len(SPM_TOKENS)}, "inconsistent"),
    ],
)
def test_bad_sentence_pieces_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        tokenizer_files(SPM | {f"tokenizer.ggml.{key}": value for key, value in change.items()}, 300)
