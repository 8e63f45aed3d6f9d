"""The rules that documents pass through: normalisation, quality, split, duplicates, rearrangement."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from colonnade.learn.fields import SettingsModel

Lengths = dict[Annotated[int, Field(strict=False, ge=1, le=32)], Annotated[float, Field(ge=0, le=1)]]
"""By number of words; JSON spells the numbers of a mapping as text."""


class NormalSettings(SettingsModel):
    """What is made equal, in this order."""

    unicode: Literal["NFC", "NFKC", "none"] = Field(
        default="NFC", description="The Unicode normal form; NFKC also folds ligatures, widths and the like."
    )
    newlines: bool = Field(
        default=True,
        description="CR LF, CR, U+0085, U+2028 and U+2029 become LF, and a byte order mark goes.",
    )
    control: bool = Field(default=True, description="Control characters go, except line feed and tabulator.")
    strip: bool = Field(default=True, description="White space goes at the ends of a document.")


_GOPHER: Mapping[str, Any] = {
    "min_words": 50,
    "max_words": 100_000,
    "min_mean_word_length": 3.0,
    "max_mean_word_length": 10.0,
    "max_symbols_per_word": 0.1,
    "max_bullet_lines": 0.9,
    "max_ellipsis_lines": 0.3,
    "min_alphabetic_words": 0.8,
    "min_stop_words": 2,
    "max_repeated_lines": 0.3,
    "max_repeated_paragraphs": 0.3,
    "max_repeated_line_characters": 0.2,
    "max_repeated_paragraph_characters": 0.2,
    "max_top_ngram_characters": {2: 0.20, 3: 0.18, 4: 0.16},
    "max_repeated_ngram_characters": {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10},
}
_C4: Mapping[str, Any] = {
    "min_sentences": 5,
    "forbidden": ("lorem ipsum", "{"),
}
_FINEWEB: Mapping[str, Any] = {
    "min_punctuated_lines": 0.12,
    "max_repeated_line_characters": 0.1,
    "max_short_lines": 0.67,
}
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "none": {},
    "gopher": _GOPHER,
    "c4": _C4,
    "fineweb": {**_GOPHER, **_C4, **_FINEWEB},
}


class QualitySettings(SettingsModel):
    """A threshold a rule; null leaves the rule out. The first rule that a document breaks is its reason.

    Gopher: Rae et al. 2021, arXiv:2112.11446, A.1.1. C4: Raffel et al. 2020, arXiv:1910.10683, 2.2, of whose
    rules the ones for whole documents. FineWeb: Penedo et al. 2024, arXiv:2406.17557, 3.6. Their thresholds
    were set for web pages in English; code, verse and other languages want their own.
    """

    preset: Literal["none", "gopher", "c4", "fineweb"] = Field(
        default="none", description="Which published thresholds stand where none is said here."
    )
    min_characters: int | None = Field(default=1, ge=0, description="Characters, at least.")
    max_characters: int | None = Field(default=None, ge=1, description="Characters, at most.")
    min_words: int | None = Field(default=None, ge=0, description="Words, at least (Gopher).")
    max_words: int | None = Field(default=None, ge=1, description="Words, at most (Gopher).")
    min_mean_word_length: float | None = Field(
        default=None, ge=0, description="Characters a word, at least, on average (Gopher)."
    )
    max_mean_word_length: float | None = Field(
        default=None, gt=0, description="Characters a word, at most, on average (Gopher)."
    )
    max_symbols_per_word: float | None = Field(
        default=None, ge=0, description="Hash signs, and ellipses, a word, at most (Gopher)."
    )
    max_bullet_lines: float | None = Field(
        default=None, ge=0, le=1, description="Share of lines that begin with a bullet, at most (Gopher)."
    )
    max_ellipsis_lines: float | None = Field(
        default=None, ge=0, le=1, description="Share of lines that end with an ellipsis, at most (Gopher)."
    )
    min_alphabetic_words: float | None = Field(
        default=None, ge=0, le=1, description="Share of words with a letter, at least (Gopher)."
    )
    min_stop_words: int | None = Field(
        default=None,
        ge=0,
        le=8,
        description="How many of the, be, to, of, and, that, have, with occur, at least (Gopher; English).",
    )
    max_repeated_lines: float | None = Field(
        default=None, ge=0, le=1, description="Share of lines that stood before, at most (Gopher)."
    )
    max_repeated_paragraphs: float | None = Field(
        default=None, ge=0, le=1, description="Share of paragraphs that stood before, at most (Gopher)."
    )
    max_repeated_line_characters: float | None = Field(
        default=None, ge=0, le=1, description="Share of characters in such lines, at most (Gopher, FineWeb)."
    )
    max_repeated_paragraph_characters: float | None = Field(
        default=None, ge=0, le=1, description="Share of characters in such paragraphs, at most (Gopher)."
    )
    max_top_ngram_characters: Lengths = Field(
        default={},
        description="For n words in a row: share of characters in the commonest, at most (Gopher).",
    )
    max_repeated_ngram_characters: Lengths = Field(
        default={},
        description="For n words in a row: share of characters in repeated ones, at most (Gopher).",
    )
    min_sentences: int | None = Field(
        default=None, ge=0, description="Ends of sentences (. ! ? and the like), at least (C4)."
    )
    forbidden: tuple[str, ...] = Field(
        default=(), strict=False, description="Texts that must not occur, in capitals or not (C4)."
    )
    min_punctuated_lines: float | None = Field(
        default=None, ge=0, le=1, description="Share of lines that end with punctuation, at least (FineWeb)."
    )
    max_short_lines: float | None = Field(
        default=None, ge=0, le=1, description="Share of lines under 30 characters, at most (FineWeb)."
    )

    @model_validator(mode="before")
    @classmethod
    def _with_preset(cls, said: Any) -> Any:
        if not isinstance(said, Mapping):
            return said
        return {**PRESETS.get(str(said.get("preset", "none")), {}), **said}


class SplitSettings(SettingsModel):
    """A document is for validation where the hash of its normalised text falls below the share."""

    validation: float = Field(
        default=0.01, ge=0, le=0.5, description="Share of documents for validation; 0 for none."
    )
    seed: int = Field(default=0, ge=0, lt=1 << 63, description="Another seed draws other documents.")
    contamination: Literal["drop", "count", "ignore"] = Field(
        default="drop",
        description="A training document that nearly equals one of validation: drop it (reason"
        " contamination), only count it, or do not look.",
    )


class DuplicateSettings(SettingsModel):
    """Near duplicates by MinHash (Broder 1997) and locality-sensitive hashing (Leskovec et al., ch. 3)."""

    kind: Literal["near", "exact", "none"] = Field(
        default="near",
        description="near: what shares most of its shingles; exact: what is the same once normalised; none.",
    )
    threshold: float = Field(
        default=0.8,
        gt=0,
        lt=1,
        description="Estimated Jaccard similarity of shingles from which on a document goes.",
    )
    permutations: int = Field(
        default=128, ge=16, le=512, description="Values a signature: more estimate better and take longer."
    )
    shingle: int = Field(default=5, ge=1, le=32, description="How many units in a row make a shingle.")
    unit: Literal["words", "characters"] = Field(
        default="words", description="Characters suit languages that put no space between words."
    )
    memory_bytes: int = Field(
        default=64 << 20,
        ge=1 << 20,
        description="How much of the index is held in memory; the rest is on the disk.",
    )


class FillInMiddleSettings(SettingsModel):
    """Some training documents become prefix, suffix, middle (Bavarian et al. 2022, arXiv:2207.14255)."""

    rate: float = Field(default=0.5, gt=0, le=1, description="Share of training documents.")
    suffix_first: float = Field(
        default=0.5, ge=0, le=1, description="Share of those that have the suffix before the prefix (SPM)."
    )
    seed: int = Field(default=0, ge=0, lt=1 << 63, description="Another seed cuts elsewhere.")
    prefix: str = Field(default="<|fim_prefix|>", min_length=1, description="The token before the prefix.")
    middle: str = Field(default="<|fim_middle|>", min_length=1, description="The token before the middle.")
    suffix: str = Field(default="<|fim_suffix|>", min_length=1, description="The token before the suffix.")
