"""Versions in the making as JSON."""

from datetime import datetime

from pydantic import BaseModel, Field

from colonnade.gateway.domain import drafts as domain
from colonnade.gateway.http.strict import Strict
from colonnade.security.inputs import (
    alias_name,
    check_text,
    digest,
    model_reference,
    relative_artefact_path,
)
from colonnade.security.inputs.catalogue import MAX_DESCRIPTION_BYTES, MAX_SOURCE_BYTES


class DraftBody(Strict):
    source: str | None = Field(
        default=None,
        description="As in an import, which goes on by itself. Without one, files are uploaded.",
    )
    alias: str | None = Field(default=None, description="Moved to the version once it is there.")
    description: str | None = None
    base: str | None = Field(
        default=None, description="For an adapter: the model version that it belongs to."
    )

    def order(self, model: str, key: str) -> domain.DraftOrder:
        return domain.DraftOrder(
            model=model,
            description=check_text(
                self.description or "",
                "description",
                MAX_DESCRIPTION_BYTES,
                allow_empty=True,
                controls="text",
            ),
            alias=alias_name(self.alias) if self.alias else "",
            base=model_reference(self.base, "base") if self.base else "",
            source=check_text(
                self.source or "", "source", MAX_SOURCE_BYTES, allow_empty=True, controls="line"
            ),
            idempotency_key=key,
        )


class AnnouncedFile(Strict):
    path: str = Field(description="Inside the model's folder: config.json, model.safetensors ...")
    size_bytes: int = Field(json_schema_extra={"minimum": 1})
    digest: str = Field(description="sha256: and 64 hexadecimal digits, of the whole file.")

    def file(self) -> domain.DraftFile:
        path = relative_artefact_path(self.path, "files.path", None)
        return domain.DraftFile(path, self.size_bytes, digest(self.digest, "files.digest"))


class FilesBody(Strict):
    files: list[AnnouncedFile]


class DraftFile(BaseModel):
    path: str
    size_bytes: int
    digest: str
    received: int = Field(description="Bytes that are there: where the next piece begins.")

    @classmethod
    def of(cls, file: domain.DraftFile) -> "DraftFile":
        return cls(path=file.path, size_bytes=file.size_bytes, digest=file.digest, received=file.received)


class DraftFiles(BaseModel):
    files: list[DraftFile]


class Draft(BaseModel):
    model: str
    number: int = Field(description="The version's, once it is there.")
    state: str = Field(description="open, waiting, importing, ready, failed or discarded.")
    message: str = Field(description="Why it failed, or how far it is.")
    fraction: float
    source: str = Field(
        description="The name of what it is made from, without its folder; empty for uploads."
    )
    alias: str
    base: str
    description: str
    files: list[DraftFile]
    created_at: datetime
    created_by: str
    updated_at: datetime
    version: int = Field(
        description="When ready: its number, or that of the version with equal content. Else 0."
    )

    @classmethod
    def of(cls, draft: domain.Draft) -> "Draft":
        values = {name: getattr(draft, name) for name in cls.model_fields}
        return cls(**values | {"files": [DraftFile.of(file) for file in draft.files]})


class Drafts(BaseModel):
    drafts: list[Draft] = Field(description="Newest first; those that are ready or discarded are not here.")
