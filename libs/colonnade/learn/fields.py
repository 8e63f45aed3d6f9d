"""What all settings of a run have in common: their strictness, and how a combination is refused at the field
that is wrong, as pydantic refuses a single value."""

from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError


class SettingsModel(BaseModel):
    """Values as they are written, nothing converted, nothing unknown, nothing changed later."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)


def refusal(title: str, field: str, value: Any, why: str) -> ValidationError:
    """For a model's ``after`` validator to raise: its location ends in ``field``, wherever the model is."""
    error = PydanticCustomError("combination", "{why}", {"why": why})
    return ValidationError.from_exception_data(
        title, [InitErrorDetails(type=error, loc=(field,), input=value)]
    )
