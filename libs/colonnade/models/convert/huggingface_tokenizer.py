"""The tokenizer files of a Hugging Face folder, in the form every version keeps them in."""

from collections.abc import Mapping
from typing import Any

from tokenizers import Tokenizer

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.models.artefact import GENERATION_CONFIG, TOKENIZER, TOKENIZER_CONFIG
from colonnade.models.convert.model_folder import ModelFolder
from colonnade.models.convert.source import TokenizerFiles
from colonnade.security.inputs import TOKENIZER as TOKENIZER_LIMITS
from colonnade.security.inputs import guard_json

CHAT_TEMPLATE = "chat_template.jinja"
MAX_TEMPLATE_BYTES = 256 << 10
_ROLES = ("bos_token", "eos_token", "unk_token", "pad_token", "cls_token", "sep_token", "mask_token")

Raw = Mapping[str, Any]


def read_tokenizer_files(
    folder: ModelFolder, model_config: Raw, vocab_size: int, built: str | None = None
) -> TokenizerFiles:
    """``built`` stands in for a ``tokenizer.json`` that the folder does not have."""
    text = _checked(_tokenizer(folder) if built is None else built, vocab_size)
    raw = folder.config(TOKENIZER_CONFIG) if folder.has(TOKENIZER_CONFIG) else {}
    generation = folder.config(GENERATION_CONFIG) if folder.has(GENERATION_CONFIG) else {}
    ids = {
        key: _ids(generation if generation.get(key) is not None else model_config, key, vocab_size)
        for key in ("bos_token_id", "eos_token_id", "pad_token_id")
    }
    single = {key: found[0] for key, found in ids.items() if found and key != "eos_token_id"}
    return TokenizerFiles(text, _config(folder, raw), {"eos_token_id": ids["eos_token_id"]} | single)


def _tokenizer(folder: ModelFolder) -> str:
    if not folder.has(TOKENIZER):
        raise Unsupported(
            f"the folder has no {TOKENIZER}; other tokenizer files are not supported: open the folder with"
            " transformers once and save the tokenizer",
            field=TOKENIZER,
        )
    return folder.text(TOKENIZER, TOKENIZER_LIMITS.max_bytes)


def _checked(text: str, vocab_size: int) -> str:
    guard_json(text.encode(), TOKENIZER_LIMITS, TOKENIZER)
    try:
        tokenizer = Tokenizer.from_str(text)
    except Exception as error:  # the library raises bare Exception
        raise InvalidArgument(
            f"{TOKENIZER} is not a tokenizer of the tokenizers library", field=TOKENIZER
        ) from error
    largest = max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)
    if largest >= vocab_size:
        raise InvalidArgument(
            f"{TOKENIZER} has token {largest}, but the model knows only {vocab_size}",
            field=TOKENIZER,
            limit=vocab_size,
        )
    return text


def _config(folder: ModelFolder, raw: Raw) -> dict[str, Any]:
    named = {role: _content(raw[role], role) for role in _ROLES if raw.get(role) is not None}
    flags = {key: raw[key] for key in ("add_bos_token", "add_eos_token") if isinstance(raw.get(key), bool)}
    template = _template(folder, raw.get("chat_template"))
    chat = {} if template is None else {"chat_template": template}
    return (
        {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
        | flags
        | named
        | chat
    )


def _content(value: object, role: str) -> str:
    """A token is stored as its text, or as an object that holds it."""
    content = value.get("content") if isinstance(value, dict) else value
    if not isinstance(content, str):
        raise InvalidArgument(f"{TOKENIZER_CONFIG}: {role} must be a token", field=role)
    return content


def _template(folder: ModelFolder, stated: object) -> str | None:
    if folder.has(CHAT_TEMPLATE):
        return folder.text(CHAT_TEMPLATE, MAX_TEMPLATE_BYTES)
    if isinstance(stated, list):  # several, by name
        named = {entry.get("name"): entry.get("template") for entry in stated if isinstance(entry, dict)}
        stated = named.get("default")
    if stated is not None and not isinstance(stated, str):
        raise InvalidArgument(f"{TOKENIZER_CONFIG}: chat_template must be text", field="chat_template")
    return stated


def _ids(raw: Raw, key: str, vocab_size: int) -> list[int]:
    value = raw.get(key)
    found = value if isinstance(value, list) else [] if value is None else [value]
    if not all(type(token) is int and 0 <= token < vocab_size for token in found):
        raise InvalidArgument(f"{key} must be a token id below {vocab_size}, or a list of them", field=key)
    return found
