"""What every body of a request is."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """No unknown field, no coercion, no NaN."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
