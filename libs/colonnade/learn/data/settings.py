"""What a user says of the data of a run: sources, rules, split, tokenizer. Part of a recipe.

Where files lie and how many processes read them is said here too, but decides nothing of the result:
``DataSettings.decisive`` leaves it out.
"""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from colonnade.errors import InvalidArgument
from colonnade.learn.data.rule_settings import (
    DuplicateSettings,
    FillInMiddleSettings,
    NormalSettings,
    QualitySettings,
    SplitSettings,
)
from colonnade.learn.data.source_settings import Source
from colonnade.learn.data.tokenizer_settings import (
    GptFilesSettings,
    TokenizerFileSettings,
    TokenizerSettings,
    TrainedTokenizerSettings,
)
from colonnade.learn.fields import SettingsModel

__all__ = [
    "DataSettings",
    "DuplicateSettings",
    "FillInMiddleSettings",
    "GptFilesSettings",
    "NormalSettings",
    "QualitySettings",
    "Source",
    "SplitSettings",
    "TokenizerFileSettings",
    "TokenizerSettings",
    "TrainedTokenizerSettings",
]


class DataSettings(SettingsModel):
    """From raw text to a token set."""

    sources: Annotated[tuple[Source, ...], Field(strict=False, min_length=1, max_length=1000)] = Field(
        description="Where documents come from, in the order in which they are read; the first of two near"
        " duplicates stays."
    )
    tokenizer: TokenizerSettings | None = Field(
        default=None,
        description="The tokenizer: files that are there, or one to train. Left out, it is that of the model"
        " that the run starts from.",
    )
    normalise: NormalSettings = Field(
        default=NormalSettings(), description="What is made equal before anything looks at a text."
    )
    quality: QualitySettings = Field(
        default=QualitySettings(), description="Which documents are dropped; a source may have its own."
    )
    split: SplitSettings = Field(
        default=SplitSettings(), description="Which documents are for validation, and never for training."
    )
    duplicates: DuplicateSettings = Field(
        default=DuplicateSettings(), description="Which documents count as said before."
    )
    fill_in_middle: FillInMiddleSettings | None = Field(
        default=None,
        description="Teach the model to fill gaps; no document is rearranged where it is left out.",
    )
    shard_tokens: int = Field(
        default=1 << 26,
        ge=1 << 10,
        le=1 << 32,
        description="A shard has at most this many tokens, or one longer document.",
    )
    processes: int = Field(
        default=1,
        ge=1,
        le=256,
        description="How many processes clean and encode; decides nothing but the time it takes.",
    )

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [source.name for source in self.sources]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"sources need names of their own; {', '.join(doubled)} is there twice")
        return self

    def spelling(self) -> TokenizerSettings:
        """The tokenizer. Raises ``InvalidArgument`` where it was left out and no model stands in for it."""
        if self.tokenizer is None:
            raise InvalidArgument(
                "data.tokenizer is missing: name a file, or one to train; only a model that the run starts"
                " from (model.from) stands in for it",
                field="data.tokenizer",
            )
        return self.tokenizer

    def decisive(self) -> dict[str, Any]:
        """What decides the token set beside the content of the files, as JSON values."""
        said = self.model_dump(mode="json", exclude={"processes"})
        for source in said["sources"]:
            del source["paths"]
        del said["duplicates"]["memory_bytes"]
        for place in ("path", "vocabulary_path", "merges_path"):
            if said["tokenizer"] is not None:
                said["tokenizer"].pop(place, None)
        return said
