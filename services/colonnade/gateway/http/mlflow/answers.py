"""What MLflow's clients are answered."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel, Field

from colonnade.gateway.domain import mlflow as domain

_NAME, _AT = Field(examples=["qwen"]), Field(description="Milliseconds since 1970.", examples=[1764000000000])


class Tag(BaseModel):
    key: str
    value: str


class Alias(BaseModel):
    alias: str
    version: str = Field(description="The one with most weight; of equals the oldest.")


class ModelVersion(BaseModel):
    name: str = _NAME
    version: str = Field(examples=["1"])
    creation_timestamp: int = _AT
    last_updated_timestamp: int = _AT
    user_id: str
    current_stage: str = Field(
        description="Production or Staging where that alias sends requests to it, or None."
    )
    description: str
    source: str = Field(description="The name of what it was made from, without its folder.")
    run_id: str
    run_link: str
    model_id: str
    status: str = Field(description="READY, PENDING_REGISTRATION or FAILED_REGISTRATION.")
    status_message: str
    tags: list[Tag]
    aliases: list[str] = Field(description="That send requests to it.")

    @classmethod
    def of(cls, version: domain.ModelVersion) -> "ModelVersion":
        tags = version.tags
        return cls(
            name=version.name,
            version=str(version.version),
            creation_timestamp=_milliseconds(version.created_at),
            last_updated_timestamp=_milliseconds(version.updated_at or version.created_at),
            user_id=version.user,
            current_stage=version.stage,
            description=version.description,
            source=version.source,
            run_id=tags.get(domain.RUN_ID, ""),
            run_link=tags.get(domain.RUN_LINK, ""),
            model_id=tags.get(domain.MODEL_ID, ""),
            status=version.status,
            status_message=version.status_message,
            tags=_tags(tags),
            aliases=list(version.aliases),
        )


class RegisteredModel(BaseModel):
    name: str = _NAME
    creation_timestamp: int = _AT
    last_updated_timestamp: int = _AT
    description: str
    latest_versions: list[ModelVersion] = Field(description="Of each stage.")
    tags: list[Tag]
    aliases: list[Alias]

    @classmethod
    def of(cls, model: domain.RegisteredModel) -> "RegisteredModel":
        return cls(
            name=model.name,
            creation_timestamp=_milliseconds(model.created_at),
            last_updated_timestamp=_milliseconds(model.updated_at or model.created_at),
            description=model.description,
            latest_versions=[ModelVersion.of(each) for each in model.latest],
            tags=_tags(model.tags),
            aliases=[Alias(alias=name, version=str(number)) for name, number in model.aliases.items()],
        )


class RegisteredModelAnswer(BaseModel):
    registered_model: RegisteredModel

    @classmethod
    def of(cls, model: domain.RegisteredModel) -> "RegisteredModelAnswer":
        return cls(registered_model=RegisteredModel.of(model))


class RegisteredModels(BaseModel):
    registered_models: list[RegisteredModel]
    next_page_token: str = Field(description="Empty on the last page.")


class ModelVersionAnswer(BaseModel):
    model_version: ModelVersion

    @classmethod
    def of(cls, version: domain.ModelVersion) -> "ModelVersionAnswer":
        return cls(model_version=ModelVersion.of(version))


class ModelVersions(BaseModel):
    model_versions: list[ModelVersion]
    next_page_token: str = Field(default="", description="Empty on the last page.")


class DownloadUri(BaseModel):
    artifact_uri: str = Field(
        description="Where MLflow's clients find the version's files.",
        examples=["http://127.0.0.1:8080/mlflow/api/2.0/mlflow-artifacts/artifacts/qwen/1"],
    )


class Done(BaseModel):
    """Nothing is said."""


class FileInfo(BaseModel):
    path: str = Field(description="Its name in the folder that was asked for.")
    is_dir: bool
    file_size: int | None = Field(default=None, description="Bytes; not of folders.")


class Files(BaseModel):
    files: list[FileInfo]


def _tags(tags: Mapping[str, str]) -> list[Tag]:
    return [Tag(key=key, value=value) for key, value in sorted(tags.items()) if key not in domain.HIDDEN]


def _milliseconds(at: datetime | None) -> int:
    return int(at.timestamp() * 1000) if at else 0
