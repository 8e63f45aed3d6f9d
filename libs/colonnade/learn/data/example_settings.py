"""What a recipe says of examples: conversations to answer like, or pairs of answers to prefer among."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from colonnade.learn.data.conversations import LineSettings
from colonnade.learn.fields import SettingsModel


class ExampleSettings(SettingsModel):
    """Files of examples, in place of raw text."""

    kind: Literal["conversations", "preferences"] = Field(
        default="conversations",
        description="conversations: lines of messages, or of prompt and answer; answers are learnt."
        " preferences: lines of prompt, chosen and rejected.",
    )
    sources: Annotated[tuple[LineSettings, ...], Field(strict=False, min_length=1, max_length=1000)] = Field(
        description="Where examples come from; each once an epoch."
    )
    validation: float = Field(
        default=0.05, ge=0, le=0.5, description="Share of what is asked that is for validation; 0 for none."
    )
    seed: int = Field(default=0, ge=0, lt=1 << 63, description="Another seed draws other examples.")
    window: int = Field(
        default=1024,
        ge=1,
        le=1 << 24,
        description="Examples that are sorted by length together: more pad less, fewer are nearer to chance.",
    )

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [source.name for source in self.sources]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"sources need names of their own; {', '.join(doubled)} is there twice")
        return self

    def decisive(self) -> dict[str, Any]:
        """What decides the examples beside the content of the files, as JSON values."""
        said = self.model_dump(mode="json")
        for source in said["sources"]:
            del source["paths"]
        return said
