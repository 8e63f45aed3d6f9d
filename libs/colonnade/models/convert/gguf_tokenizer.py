"""Rebuilds a ``tokenizer.json`` from the vocabulary in GGUF metadata.

``gpt2``: byte-level byte pair encoding (Sennrich et al. 2016; Radford et al. 2019), merges given.
``llama``: SentencePiece's byte pair encoding (Kudo and Richardson 2018); merges follow from the scores.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from colonnade.errors import ColonnadeError, Unsupported
from colonnade.models.convert.gguf_file import damaged, entry
from colonnade.models.convert.gguf_splits import SPLITS, Split
from colonnade.models.convert.source import TokenizerFiles

_UNKNOWN, _CONTROL, _USER_DEFINED = 2, 3, 4
_SPACE = "\u2581"
_MAX_PIECE = 512
_ROLES = {"bos": "bos_token_id", "eos": "eos_token_id", "unk": "unknown_token_id", "pad": "padding_token_id"}
_ENDS = ("<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<|endoftext|>", "<|end_of_text|>")
"""Control tokens that end a turn under any vocabulary that has them, as llama.cpp takes them."""

Metadata = Mapping[str, Any]


def tokenizer_files(metadata: Metadata, vocab_size: int) -> TokenizerFiles:
    tokens = _strings(metadata, "tokenizer.ggml.tokens")
    if len(tokens) > vocab_size or len(set(tokens)) != len(tokens):
        raise damaged("its vocabulary is larger than the embedding or names a token twice")
    roles = {role: _role(metadata, key, len(tokens)) for role, key in _ROLES.items()}
    kind, split = _kind(metadata)
    bos = roles["bos"] if _flag(metadata, "add_bos_token", split is None or split.adds_bos) else None
    try:
        tokenizer = (
            _sentence_piece(metadata, tokens) if split is None else _byte_level(metadata, tokens, split)
        )
        _add_special(tokenizer, metadata, tokens)
        _add_begin(tokenizer, tokens, bos)
    except ColonnadeError:
        raise
    except Exception as error:  # the library raises bare Exception for an inconsistent vocabulary
        raise damaged(f"its {kind} tokenizer is inconsistent") from error
    return TokenizerFiles(
        tokenizer.to_str(), _config(metadata, tokens, roles, bos), _ends(metadata, tokens, roles)
    )


def _kind(metadata: Metadata) -> tuple[str, Split | None]:
    kind = metadata.get("tokenizer.ggml.model")
    if kind == "llama":
        return kind, None
    name = metadata.get("tokenizer.ggml.pre", "default")
    if kind != "gpt2" or not isinstance(name, str) or name not in SPLITS:
        raise Unsupported(
            f"GGUF tokenizer {str(kind)[:40]!r} with pre-tokenizer {str(name)[:40]!r} is not supported;"
            f" supported are llama, and gpt2 with {', '.join(SPLITS)}",
            field="tokenizer.ggml.pre",
            supported=list(SPLITS),
        )
    return kind, SPLITS[name]


def _byte_level(metadata: Metadata, tokens: Sequence[str], split: Split) -> Tokenizer:
    # A merge is "left right"; a token may itself begin with a space, so the search starts at 1.
    cuts = [(merge, merge.find(" ", 1)) for merge in _strings(metadata, "tokenizer.ggml.merges")]
    merges = [(merge[:cut], merge[cut + 1 :]) for merge, cut in cuts]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, ignore_merges=split.whole_words))
    if split.normal_form_c:
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in split.patterns]
        + [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _sentence_piece(metadata: Metadata, tokens: Sequence[str]) -> Tokenizer:
    scores = metadata.get("tokenizer.ggml.scores", [])
    if not isinstance(scores, list) or len(scores) != len(tokens):
        raise damaged("its vocabulary has no score for each token")
    vocabulary = {token: index for index, token in enumerate(tokens)}
    unknown = next(
        (token for token, kind in zip(tokens, _types(metadata, tokens), strict=True) if kind == _UNKNOWN),
        None,
    )
    model = models.BPE(
        vocabulary, _merges(vocabulary, scores), unk_token=unknown, fuse_unk=True, byte_fallback=True
    )
    tokenizer = Tokenizer(model)
    prefix = _flag(metadata, "add_space_prefix", True)
    spaces = normalizers.Replace(" ", _SPACE)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend(_SPACE), spaces]) if prefix else spaces
    parts: list[Any] = [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence([*parts, decoders.Strip(" ", 1, 0)] if prefix else parts)
    return tokenizer


def _merges(vocabulary: Mapping[str, int], scores: Sequence[float]) -> list[tuple[str, str]]:
    """Every way to make a token of two others, best-scored token first: the order SentencePiece merges in."""

    def pairs(token: str) -> list[tuple[str, str]]:
        cuts = ((token[:at], token[at:]) for at in range(1, len(token)))
        found = [(left, right) for left, right in cuts if left in vocabulary and right in vocabulary]
        return sorted(found, key=lambda pair: (vocabulary[pair[0]], vocabulary[pair[1]]))

    if any(len(token) > _MAX_PIECE for token in vocabulary):
        raise damaged(f"a token is longer than {_MAX_PIECE} characters")
    ranked = sorted(vocabulary, key=lambda token: -scores[vocabulary[token]])
    return list(chain.from_iterable(pairs(token) for token in ranked))


def _add_special(tokenizer: Tokenizer, metadata: Metadata, tokens: Sequence[str]) -> None:
    types = _types(metadata, tokens)
    special = [token for token, kind in zip(tokens, types, strict=True) if kind in (_CONTROL, _UNKNOWN)]
    plain = [token for token, kind in zip(tokens, types, strict=True) if kind == _USER_DEFINED]
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in plain])
    if tokenizer.get_vocab_size() != len(tokens):
        raise damaged("its special tokens are not in its vocabulary")


def _add_begin(tokenizer: Tokenizer, tokens: Sequence[str], bos: int | None) -> None:
    template = processors.TemplateProcessing(
        single=f"{tokens[bos]}:0 $A:0", pair=f"{tokens[bos]}:0 $A:0 {tokens[bos]}:1 $B:1",
        special_tokens=[(tokens[bos], bos)],
    ) if bos is not None else processors.ByteLevel(trim_offsets=False)  # fmt: skip
    if bos is not None or isinstance(tokenizer.decoder, decoders.ByteLevel):
        tokenizer.post_processor = template


def _config(
    metadata: Metadata, tokens: Sequence[str], roles: Mapping[str, int | None], bos: int | None
) -> dict[str, Any]:
    named = {f"{role}_token": tokens[index] for role, index in roles.items() if index is not None}
    template = metadata.get("tokenizer.chat_template")
    chat = {"chat_template": template} if isinstance(template, str) else {}
    return (
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "add_bos_token": bos is not None,
            "clean_up_tokenization_spaces": False,
        }
        | named
        | chat
    )


def _ends(metadata: Metadata, tokens: Sequence[str], roles: Mapping[str, int | None]) -> dict[str, Any]:
    types = _types(metadata, tokens)
    known = {index for index, token in enumerate(tokens) if token in _ENDS and types[index] == _CONTROL}
    stated = {roles["eos"], *(_role(metadata, key, len(tokens)) for key in ("eot_token_id", "eom_token_id"))}
    ends = sorted((known | stated) - {None})  # type: ignore[type-var]
    return {"bos_token_id": roles["bos"], "eos_token_id": ends, "pad_token_id": roles["pad"]}


def _types(metadata: Metadata, tokens: Sequence[str]) -> Sequence[int]:
    types = metadata.get("tokenizer.ggml.token_type", [1] * len(tokens))
    if not isinstance(types, list) or len(types) != len(tokens):
        raise damaged("its vocabulary has no type for each token")
    return types


def _role(metadata: Metadata, key: str, count: int) -> int | None:
    value = metadata.get(f"tokenizer.ggml.{key}")
    if value is not None and (not isinstance(value, int) or not 0 <= value < count):
        raise damaged(f"{key} is not in its vocabulary")
    return value


def _flag(metadata: Metadata, key: str, default: bool) -> bool:
    return entry(dict(metadata), f"tokenizer.ggml.{key}", bool, default)


def _strings(metadata: Metadata, key: str) -> list[str]:
    values = entry(dict(metadata), key, list)
    if not all(isinstance(value, str) for value in values):
        raise damaged(f"{key} is not a list of texts")
    return values
