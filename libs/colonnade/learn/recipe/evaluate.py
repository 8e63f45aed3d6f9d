"""What the recipe of an evaluation may say."""

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from colonnade.learn.data.example_settings import ExampleSettings
from colonnade.learn.data.settings import DataSettings
from colonnade.learn.fields import SettingsModel
from colonnade.learn.loop.precision import Precision
from colonnade.learn.recipe.confinement import ReadsSettings
from colonnade.learn.recipe.head import Description, Name, digest_of
from colonnade.learn.recipe.parts import GivenModelSettings, LookSettings, NumberSettings, RowSettings


class RecordSettings(SettingsModel):
    """What becomes of the figures."""

    register_: bool = Field(
        default=True,
        alias="register",
        description="Under the training service: record them with the version that was judged.",
    )


class EvaluateRecipe(SettingsModel):
    """A model that is there, judged on text."""

    kind: Literal["evaluate"]
    name: Name
    description: Description = ""
    seed: int = Field(default=0, ge=0, lt=1 << 31, description="Of the order in which rows are looked at.")
    model: GivenModelSettings
    data: DataSettings | None = Field(
        default=None,
        description="Raw text: the documents for validation where split.validation says a share, else all.",
    )
    examples: ExampleSettings | None = Field(
        default=None,
        description="In place of data: conversations; those for validation where a share is said, else all.",
    )
    batch: RowSettings = RowSettings()
    precision: NumberSettings = NumberSettings()
    evaluation: LookSettings = LookSettings()
    output: RecordSettings = RecordSettings()
    reads: ReadsSettings | None = Field(
        default=None, description="What its paths may lead to; all that its user may read where left out."
    )

    @field_validator("data")
    @classmethod
    def _all_texts(cls, data: DataSettings | None) -> DataSettings | None:
        """A share that nobody asked for is none."""
        if data is None or "validation" in data.split.model_fields_set:
            return data
        return data.model_copy(update={"split": data.split.model_copy(update={"validation": 0.0})})

    @field_validator("examples")
    @classmethod
    def _all_examples(cls, examples: ExampleSettings | None) -> ExampleSettings | None:
        if examples is None or "validation" in examples.model_fields_set:
            return examples
        return examples.model_copy(update={"validation": 0.0})

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.data is None) == (self.examples is None):
            raise ValueError("say data for raw text, or examples for conversations; one of the two")
        if self.data is not None and self.data.tokenizer is not None:
            raise ValueError("data.tokenizer: leave it out; texts are spelt as the model spells them")
        if self.examples is not None:
            if self.examples.kind != "conversations":
                raise ValueError(
                    "examples.kind: pairs are judged by the run that learns from them; name conversations"
                )
            self.batch.check_longest(self.examples)
        return self

    @property
    def share(self) -> float:
        """Of documents or examples that are for validation; 0 where all are looked at."""
        if self.data is not None:
            return self.data.split.validation
        return self.examples.validation if self.examples is not None else 0.0

    @property
    def digest(self) -> str:
        """Of what decides the figures, beside the files that are read and the machine."""
        beside = {"name", "description", "output", "data", "examples", "model", "reads"}
        said: dict[str, Any] = self.model_dump(mode="json", exclude=beside)
        said["data"] = None if self.data is None else self.data.decisive()
        said["examples"] = None if self.examples is None else self.examples.decisive()
        return digest_of(said)

    @property
    def precise(self) -> Precision:
        return Precision(self.precision.kind)
