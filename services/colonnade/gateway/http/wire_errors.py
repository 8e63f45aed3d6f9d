"""Refusals as the page describes them; ``errors.shape_of`` writes them."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from colonnade.errors import Code


class RefusalOut(BaseModel):
    code: Code
    message: str = Field(
        description="Names the field and the limit, and what to do.",
        examples=["temperature must be between 0 and 2"],
    )
    details: dict[str, Any] = Field(
        description="Such as field and limit.", examples=[{"field": "temperature", "limit": 2}]
    )
    request_id: str


class Refusal(BaseModel):
    """Why a request was not answered."""

    error: RefusalOut


class OpenAiErrorOut(BaseModel):
    message: str = Field(examples=["temperature must be between 0 and 2"])
    type: Literal["invalid_request_error", "insufficient_quota", "requests", "server_error"]
    param: str | None = Field(description="The field that it is about.", examples=["temperature"])
    code: str = Field(description="OpenAI's word where it has one.", examples=["invalid_argument"])


class OpenAiError(BaseModel):
    """Why a request was not answered, as OpenAI writes it."""

    error: OpenAiErrorOut


class OipError(BaseModel):
    """Why a request was not answered, as the Open Inference Protocol writes it."""

    error: str = Field(examples=["temperature must be between 0 and 2"])


class MlflowError(BaseModel):
    """Why a request was not answered, as MLflow writes it."""

    error_code: str = Field(examples=["RESOURCE_DOES_NOT_EXIST"])
    message: str = Field(examples=["there is no model qwen; list the models to see which there are"])


def refusal_model(path: str) -> type[BaseModel]:
    """What refusals on this path are."""
    if path.startswith("/v1/"):
        return OpenAiError
    if path.startswith("/mlflow/"):
        return MlflowError
    return OipError if path.startswith("/v2/") else Refusal
