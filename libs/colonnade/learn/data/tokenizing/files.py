"""The two files of a tokenizer as a model folder has them, from files of a user."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from colonnade.errors import InvalidArgument
from colonnade.learn.data.tokenizer_settings import GptFilesSettings, TokenizerFileSettings
from colonnade.models.artefact import TOKENIZER, TOKENIZER_CONFIG
from colonnade.models.convert.model_folder import ModelFolder
from colonnade.security.inputs import TOKENIZER as LIMITS
from colonnade.security.inputs import decoded, guard_json, parse_object, read_bounded

_ROLES = ("bos_token", "eos_token", "unk_token", "pad_token")
_BASE: Mapping[str, Any] = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "clean_up_tokenization_spaces": False,
}


@dataclass(frozen=True, slots=True)
class TokenizerFiles:
    definition: str
    """The text of ``tokenizer.json``."""
    config: Mapping[str, Any]
    """What ``tokenizer_config.json`` says."""

    def write(self, folder: Path) -> None:
        (folder / TOKENIZER_CONFIG).write_text(json.dumps(self.config, indent=2, ensure_ascii=False) + "\n")
        (folder / TOKENIZER).write_text(self.definition)


def load(settings: TokenizerFileSettings | GptFilesSettings) -> TokenizerFiles:
    """Raises ``NotFound`` for a file that is not there, ``InvalidArgument`` for what is no tokenizer."""
    return _of_file(settings) if isinstance(settings, TokenizerFileSettings) else _of_gpt(settings)


def described(end_of_text: str, **more: Any) -> Mapping[str, Any]:
    """What stands in ``tokenizer_config.json`` of a tokenizer that was made here."""
    return {**_BASE, "bos_token": end_of_text, "eos_token": end_of_text, **more}


def _of_file(settings: TokenizerFileSettings) -> TokenizerFiles:
    path = Path(settings.path).expanduser()
    path = path / TOKENIZER if path.is_dir() else path
    definition = decoded(read_bounded(path.resolve(), LIMITS.max_bytes, TOKENIZER), TOKENIZER)
    guard_json(definition.encode(), LIMITS, TOKENIZER)
    parsed(definition)
    folder = ModelFolder(path.parent)
    raw = folder.config(TOKENIZER_CONFIG) if folder.has(TOKENIZER_CONFIG) else {}
    kept = {role: text for role in _ROLES if (text := _content(raw.get(role))) is not None}
    template = {"chat_template": raw["chat_template"]} if isinstance(raw.get("chat_template"), str) else {}
    return TokenizerFiles(definition, {**_BASE, "eos_token": settings.end_of_text, **kept, **template})


def _content(value: object) -> str | None:
    """A token is stored as its text, or as an object that holds it."""
    content = value.get("content") if isinstance(value, dict) else value
    return content if isinstance(content, str) else None


def _of_gpt(settings: GptFilesSettings) -> TokenizerFiles:
    vocabulary = _vocabulary(Path(settings.vocabulary_path).expanduser().resolve())
    merges = _merges(Path(settings.merges_path).expanduser().resolve())
    try:
        tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    except Exception as error:  # the library raises bare Exception
        raise InvalidArgument(
            "merges.txt does not belong to vocab.json: it merges what the vocabulary lacks",
            field="merges_path",
        ) from error
    if settings.end_of_text in vocabulary:
        tokenizer.add_special_tokens([AddedToken(settings.end_of_text, special=True, normalized=False)])
    return TokenizerFiles(byte_level(tokenizer).to_str(pretty=True), described(settings.end_of_text))


def byte_level(tokenizer: Tokenizer) -> Tokenizer:
    """As GPT-2 splits text and spells bytes."""
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def parsed(definition: str) -> Tokenizer:
    try:
        return Tokenizer.from_str(definition)
    except Exception as error:  # the library raises bare Exception
        raise InvalidArgument(
            f"{TOKENIZER} is not a tokenizer of the tokenizers library", field=TOKENIZER
        ) from error


def _vocabulary(path: Path) -> dict[str, int]:
    raw = parse_object(read_bounded(path, LIMITS.max_bytes, "vocab.json"), LIMITS, "vocab.json")
    numbers = sorted(number for number in raw.values() if type(number) is int)
    if numbers != list(range(len(raw))):
        raise InvalidArgument(
            "vocab.json must number its tokens from 0 on, each once", field="vocabulary_path"
        )
    return raw


def _merges(path: Path) -> list[tuple[str, str]]:
    """``#version`` may stand in the first line alone: further down a hash is a token."""
    lines = decoded(read_bounded(path, LIMITS.max_bytes, "merges.txt"), "merges.txt").split("\n")
    body = lines[1:] if lines and lines[0].startswith("#version") else lines
    pairs = [tuple(line.rstrip("\r").split(" ")) for line in body if line.strip()]
    if wrong := next((number for number, pair in enumerate(pairs, 1) if len(pair) != 2), 0):
        raise InvalidArgument(f"merges.txt: merge {wrong} is not two tokens", field="merges_path")
    return [(left, right) for left, right in pairs]
