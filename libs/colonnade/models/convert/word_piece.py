"""BERT's own vocabulary file as a tokenizer: WordPiece (Schuster and Nakajima 2012) with BERT's clean-up."""

from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from colonnade.errors import InvalidArgument
from colonnade.models.artefact import TOKENIZER_CONFIG
from colonnade.models.convert.model_folder import ModelFolder
from colonnade.security.inputs import TOKENIZER as LIMITS

VOCABULARY = "vocab.txt"
_ROLES = {
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "mask_token": "[MASK]",
}
_NEEDED = ("unk_token", "cls_token", "sep_token")


def word_piece(folder: ModelFolder) -> str:
    """The ``tokenizer.json`` that stands for ``vocab.txt`` and the settings beside it."""
    vocabulary = _vocabulary(folder.text(VOCABULARY, LIMITS.max_bytes))
    raw = folder.config(TOKENIZER_CONFIG) if folder.has(TOKENIZER_CONFIG) else {}
    named = {role: _token(raw, role, default) for role, default in _ROLES.items()}
    for role in _NEEDED:
        if named[role] not in vocabulary:
            raise InvalidArgument(f"{VOCABULARY} lacks the {role} {named[role][:80]!r}", field=VOCABULARY)
    built = Tokenizer(
        models.WordPiece(vocabulary, unk_token=named["unk_token"], max_input_chars_per_word=100)
    )
    built.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=_flag(raw, "tokenize_chinese_chars", True),
        strip_accents=raw.get("strip_accents") if isinstance(raw.get("strip_accents"), bool) else None,
        lowercase=_flag(raw, "do_lower_case", True),
    )
    built.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [(named[role], vocabulary[named[role]]) for role in ("sep_token", "cls_token")]
    built.post_processor = processors.BertProcessing(*ends)
    built.decoder = decoders.WordPiece(prefix="##")
    built.add_special_tokens([token for token in named.values() if token in vocabulary])
    text: str = built.to_str()
    return text


def _vocabulary(text: str) -> dict[str, int]:
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    return {token: number for number, token in enumerate(lines)}


def _token(raw: dict[str, Any], role: str, default: str) -> str:
    value = raw.get(role, default)
    content = value.get("content") if isinstance(value, dict) else value
    return content if isinstance(content, str) else default


def _flag(raw: dict[str, Any], name: str, default: bool) -> bool:
    value = raw.get(name)
    return value if isinstance(value, bool) else default
