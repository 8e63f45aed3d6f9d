"""Which tokenizer: files that are there, or one to train from a sample of the sources."""

from typing import Annotated, Literal

from pydantic import Field

from colonnade.learn.fields import SettingsModel

END_OF_TEXT = "<|endoftext|>"
_EndOfText = Annotated[str, Field(min_length=1, max_length=128)]
_END = "The token that ends each document; the tokenizer must know it."


class TokenizerFileSettings(SettingsModel):
    """A ``tokenizer.json`` of the tokenizers library."""

    kind: Literal["file"] = "file"
    path: str = Field(min_length=1, description="The tokenizer.json, or the folder that has one.")
    end_of_text: _EndOfText = Field(default=END_OF_TEXT, description=_END)


class GptFilesSettings(SettingsModel):
    """The two files of GPT-2: a byte-level BPE."""

    kind: Literal["gpt2"] = "gpt2"
    vocabulary_path: str = Field(min_length=1, description="vocab.json: tokens and their numbers.")
    merges_path: str = Field(min_length=1, description="merges.txt: pairs in the order of their merging.")
    end_of_text: _EndOfText = Field(default=END_OF_TEXT, description=_END)


class TrainedTokenizerSettings(SettingsModel):
    """A byte-level BPE (Sennrich et al. 2016; Radford et al. 2019) trained on training documents."""

    kind: Literal["train"] = "train"
    vocabulary: int = Field(
        ge=300,
        le=1 << 20,
        description="How many tokens, with the special ones; up to 65536 one takes two bytes on the disk.",
    )
    sample_bytes: int = Field(
        default=100 << 20,
        ge=1 << 10,
        description="How much text it learns from: documents drawn by their hash, from all sources alike.",
    )
    smallest_count: int = Field(default=2, ge=1, description="A pair seen less often is never merged.")
    chat: bool = Field(default=False, description="Also <|im_start|> and <|im_end|>, for chats later on.")
    fill_in_middle: bool = Field(
        default=False, description="Also <|fim_prefix|>, <|fim_middle|> and <|fim_suffix|>."
    )
    end_of_text: _EndOfText = Field(default=END_OF_TEXT, description=_END)


TokenizerSettings = Annotated[
    TokenizerFileSettings | GptFilesSettings | TrainedTokenizerSettings, Field(discriminator="kind")
]
