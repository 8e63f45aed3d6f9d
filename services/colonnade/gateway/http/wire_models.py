"""Models as JSON."""

from datetime import datetime
from pathlib import PurePath

from pydantic import BaseModel, Field

from colonnade.gateway.domain import models as domain
from colonnade.gateway.http.described import Events
from colonnade.gateway.http.strict import Strict
from colonnade.gateway.http.wire_errors import Refusal
from colonnade.storage.bundled import DEFAULT, PREFIX


class AliasTarget(Strict):
    version: int = Field(json_schema_extra={"minimum": 1})
    weight: int = Field(
        default=100,
        description="Percent; all add up to 100.",
        json_schema_extra={"minimum": 1, "maximum": 100},
    )


class AliasBody(Strict):
    targets: list[AliasTarget]
    expected_revision: int | None = Field(
        default=None,
        description="Moves the alias only if it is still at this revision; 0: only if it is new.",
    )


class ImportBody(Strict):
    source: str = Field(
        description=f"{PREFIX}{DEFAULT}, a folder or .gguf file on the registry's machine, or an allowed URL."
    )
    name: str = Field(description="The model that it becomes the newest version of.")
    alias: str | None = Field(default=None, description="Moved to the new version once it is there.")
    description: str | None = None
    base: str | None = Field(
        default=None,
        description="For an adapter (a folder that PEFT saved): the model version that it belongs to.",
    )


class Alias(BaseModel):
    name: str
    targets: list[AliasTarget]
    revision: int
    updated_at: datetime | None
    updated_by: str

    @classmethod
    def of(cls, alias: domain.Alias) -> "Alias":
        targets = [AliasTarget(version=each.version, weight=each.weight) for each in alias.targets]
        return cls(
            name=alias.name,
            targets=targets,
            revision=alias.revision,
            updated_at=alias.updated_at,
            updated_by=alias.updated_by,
        )


class Model(BaseModel):
    name: str
    description: str
    size_label: str
    latest_version: int = Field(description="0: it has none yet.")
    aliases: list[Alias]
    created_at: datetime | None
    family: str = Field(description="Of the latest version; lora is an adapter.")
    base: str = Field(description="Of an adapter: the digest of the model version that it belongs to.")
    tenant: str = Field(description="Whose it is: its people alone change it.")

    @classmethod
    def of(cls, model: domain.Model) -> "Model":
        return cls(
            name=model.name,
            description=model.description,
            size_label=model.size_label,
            latest_version=model.latest_version,
            aliases=[Alias.of(alias) for alias in model.aliases],
            created_at=model.created_at,
            family=model.family,
            base=model.base,
            tenant=model.tenant,
        )


class Models(BaseModel):
    models: list[Model]
    next_page_token: str = Field(description="Empty on the last page.")


class Artefact(BaseModel):
    path: str
    digest: str
    size_bytes: int

    @classmethod
    def of(cls, artefact: domain.Artefact) -> "Artefact":
        return cls(path=artefact.path, digest=artefact.digest, size_bytes=artefact.size_bytes)


class Version(BaseModel):
    name: str
    version: int
    digest: str
    family: str
    parameters: int
    size_label: str
    context_length: int
    size_bytes: int
    source: str = Field(description="The name of what it was made from, without its folder.")
    source_digest: str
    created_by: str
    created_at: datetime | None
    base: str = Field(description="Of an adapter: the digest of the model version that it belongs to.")
    artefacts: list[Artefact] = Field(description="Its files, by the SHA-256 of what is in them.")

    @classmethod
    def of(cls, version: domain.Version) -> "Version":
        values = {name: getattr(version, name) for name in cls.model_fields}
        files = [Artefact.of(each) for each in version.artefacts]
        return cls(**values | {"source": PurePath(version.source).name, "artefacts": files})


class ModelWithVersions(Model):
    versions: list[Version] = Field(description="Newest first.")


class Imported(BaseModel):
    version: Version


class ImportEvent(BaseModel):
    stage: str
    fraction: float = Field(description="Of the whole import, from 0 to 1.")
    message: str
    version: Version | None = Field(default=None, description="Of the last one.")


IMPORT_EVENTS = Events(
    ImportEvent,
    [
        {"stage": "convert", "fraction": 0.4, "message": "layer 12 of 30"},
        {"stage": "verify", "fraction": 0.9, "message": ""},
    ],
    error=Refusal,
)
