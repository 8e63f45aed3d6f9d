"""What MLflow's clients send, as protocol buffers' JSON: unknown fields count for nothing, nor does null."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _said(value: Any) -> Any:
    return "" if value is None else value


Text = Annotated[str, BeforeValidator(_said)]
Version = Annotated[str, Field(description="A number, as text.", examples=["1"])]


class Body(BaseModel):
    """No coercion."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, allow_inf_nan=False)


class TagIn(Body):
    key: str
    value: Text = ""


class NamedBody(Body):
    name: str


class CreateModelBody(NamedBody):
    tags: list[TagIn] | None = None
    description: Text = ""


class RenameBody(NamedBody):
    new_name: str


class DescribeBody(NamedBody):
    description: str | None = None


class TagBody(NamedBody):
    key: str
    value: Text = ""


class UntagBody(NamedBody):
    key: str


class LatestBody(NamedBody):
    stages: list[str] | None = Field(default=None, description="Production, Staging, Archived, None.")


class AliasBody(NamedBody):
    alias: str
    version: Version


class UnaliasBody(NamedBody):
    alias: str


class CreateVersionBody(NamedBody):
    source: str = Field(
        description="What an import takes (bundled:..., a folder, a URL), or models:/name/version."
    )
    run_id: Text = ""
    run_link: Text = ""
    model_id: Text = ""
    description: Text = ""
    tags: list[TagIn] | None = None


class VersionBody(NamedBody):
    version: Version


class DescribeVersionBody(VersionBody):
    description: str | None = None


class StageBody(VersionBody):
    stage: str = Field(description="Production, Staging, Archived or None.")
    archive_existing_versions: bool | None = None


class TagVersionBody(VersionBody):
    key: str
    value: Text = ""


class UntagVersionBody(VersionBody):
    key: str
