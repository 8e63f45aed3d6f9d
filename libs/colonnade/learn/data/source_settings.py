"""Where documents come from: one class a format. A path may be a glob, or a URL of an object store."""

from typing import Annotated, Literal

from pydantic import Field

from colonnade.learn.data.rule_settings import QualitySettings
from colonnade.learn.fields import SettingsModel

SourceName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Paths = Annotated[tuple[str, ...], Field(strict=False, min_length=1, max_length=10_000)]


class _Source(SettingsModel):
    name: SourceName = Field(description="What the source is called in mixtures, reports and on the disk.")
    paths: Paths = Field(
        description="Files, globs (** goes through folders) or URLs (s3://, gs://, az://) with globs, read in"
        " the order of this list, and each glob's files in the order of their names. A .gz or .zst file is"
        " unpacked as it is read, where its format is text or JSONL."
    )
    split: Literal["hashed", "train", "validation"] = Field(
        default="hashed",
        description="hashed: each document's hash decides. train, validation: the whole source is for that.",
    )
    quality: QualitySettings | None = Field(
        default=None, description="Rules for this source in place of those for all."
    )
    largest_document_bytes: int = Field(
        default=16 << 20,
        ge=1 << 10,
        le=1 << 30,
        description="A longer document is dropped (reason too_large), so that none fills the memory.",
    )
    bad_encoding: Literal["refuse", "replace", "drop"] = Field(
        default="refuse",
        description="What is not UTF-8: refuse stops and says where; replace puts U+FFFD and counts; drop"
        " leaves the document out (reason bad_encoding).",
    )


class TextSource(_Source):
    """Plain text."""

    kind: Literal["text"] = "text"
    unit: Literal["file", "paragraph", "line"] = Field(
        default="file",
        description="What is a document: the file, what stands between empty lines, or a line.",
    )


class JsonLinesSource(_Source):
    """A JSON object a line."""

    kind: Literal["jsonl"] = "jsonl"
    field: str = Field(
        default="text", min_length=1, description="The key whose value is the document's text."
    )
    malformed: Literal["refuse", "drop"] = Field(
        default="refuse",
        description="A line that is no JSON object, or has no text under the key: stop, or leave it out"
        " (reason malformed).",
    )


class ParquetSource(_Source):
    """A column of Parquet files."""

    kind: Literal["parquet"] = "parquet"
    column: str = Field(default="text", min_length=1, description="The column of strings; null is dropped.")


class DatasetSource(_Source):
    """Folders that Hugging Face ``datasets`` wrote with ``save_to_disk``."""

    kind: Literal["dataset"] = "dataset"
    column: str = Field(default="text", min_length=1, description="The column of strings; null is dropped.")


Source = Annotated[TextSource | JsonLinesSource | ParquetSource | DatasetSource, Field(discriminator="kind")]
