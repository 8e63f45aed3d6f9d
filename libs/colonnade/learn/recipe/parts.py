"""The sections of a recipe that no other room owns."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from colonnade.learn.compress.settings import Sharing
from colonnade.learn.data.example_settings import ExampleSettings
from colonnade.learn.fields import SettingsModel
from colonnade.learn.scaling import ScalingSettings


class ModelSettings(SettingsModel):
    """What is trained: a new model by a preset, or one that is there."""

    family: str = Field(default="transformer", description="The model family.")
    preset: str | None = Field(
        default=None, description="A named configuration of the family: debug, tiny, small, base ..."
    )
    from_: str | None = Field(
        default=None,
        alias="from",
        min_length=1,
        description="In place of a preset: the folder of a model to start from, an artefact folder or one of"
        " Hugging Face's. Its tokenizer is the run's.",
    )
    with_: dict[str, Any] = Field(
        default={},
        alias="with",
        description="Fields of the configuration that differ from the preset; the tokenizer's is the"
        " vocabulary.",
    )
    share: Sharing | None = Field(
        default=None, description="Layers that have the same weights while they learn."
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.preset is None) == (self.from_ is None):
            raise ValueError("say preset for a new model, or from for one that is there; one of the two")
        if self.from_ is not None and self.with_:
            raise ValueError("with changes a preset; a model that is there has its configuration")
        if self.from_ is not None:
            _check_folder(self.from_)
        return self

    def decisive(self) -> dict[str, Any]:
        """What decides the weights beside the content of the files, as JSON values."""
        later = {"share"} if self.share is None else set()
        said = self.model_dump(mode="json", exclude={"from_", *later})
        return said if self.from_ is None else said | {"from": True}


class GivenModelSettings(SettingsModel):
    """A model that is there."""

    from_: str = Field(
        alias="from",
        min_length=1,
        description="The folder of the model, an artefact folder or one of Hugging Face's. Its tokenizer is"
        " what texts are spelt with.",
    )

    @model_validator(mode="after")
    def _is_here(self) -> Self:
        _check_folder(self.from_)
        return self


def _check_folder(said: str) -> None:
    if said.startswith("registry:"):
        raise ValueError(
            "a model of the registry is brought by the training service: submit the recipe, or fetch the"
            " model with colonnade models pull and name its folder"
        )


class RowSettings(SettingsModel):
    """What goes through the model at once."""

    tokens: int = Field(default=256, ge=1, le=1 << 20, description="Length of a row.")
    rows: int = Field(default=8, ge=1, le=1 << 16, description="Rows of one forward pass.")
    packing: Literal["stream", "documents"] = Field(
        default="stream",
        description="stream cuts rows out of all documents end to end; documents keeps each one whole.",
    )

    def check_longest(self, examples: ExampleSettings) -> None:
        """Raises ``ValueError`` where a row has no room for the longest."""
        longest = max(source.longest for source in examples.sources)
        if longest > self.tokens:
            raise ValueError(f"examples: longest is {longest}, batch.tokens {self.tokens}; raise that")


class BatchSettings(RowSettings):
    """What goes into one change of the weights: rows x accumulate rows of that many tokens."""

    accumulate: int = Field(
        default=1, ge=1, le=1 << 16, description="Forward passes whose gradients are added up."
    )
    recompute: bool = Field(
        default=False,
        description="Do not keep activations, compute them again: less memory, a third more work.",
    )


class NumberSettings(SettingsModel):
    """In which numbers it is computed."""

    kind: Literal["float32", "bfloat16-mixed", "float16-mixed", "bfloat16"] = Field(
        default="float32",
        description="mixed: weights in float32, products in that. bfloat16: weights too, in half the memory.",
    )


class PrecisionSettings(NumberSettings):
    """In which numbers it learns."""

    compile: bool = Field(default=False, description="Let torch.compile make one program of the model.")
    scaling: ScalingSettings = Field(
        default=ScalingSettings(), description="float16-mixed: how the loss is scaled."
    )


class LookSettings(SettingsModel):
    """What is looked at."""

    batches: int = Field(default=20, ge=1, description="Batches of validation rows that are looked at.")
    prompts: Annotated[tuple[str, ...], Field(strict=False, max_length=20)] = Field(
        default=(), description="Beginnings that the model goes on with at each evaluation."
    )
    prompt_tokens: int = Field(default=32, ge=1, le=1024, description="How far it goes on, at most.")


class EvaluationSettings(LookSettings):
    """What is looked at while it learns."""

    every: int = Field(default=100, ge=1, description="Steps between two; the end always has one.")


class CheckpointSettings(SettingsModel):
    """What survives a kill."""

    every: int = Field(default=100, ge=1, description="Steps between two; the end always has one.")
    keep: int = Field(default=2, ge=1, description="How many of the newest stay, beside the best.")
    keep_every: int | None = Field(
        default=None, ge=1, description="Those whose step it divides stay as well."
    )


class ReportSettings(SettingsModel):
    """Who is told. None of it changes the weights."""

    every: int = Field(default=10, ge=1, description="Steps between two reports.")
    tensorboard: bool = Field(default=True, description="Write event files into the run's folder.")
    wandb: str | None = Field(default=None, min_length=1, description="A project of Weights & Biases.")
    mlflow: str | None = Field(
        default=None, min_length=1, description="The URI of an MLflow tracking server."
    )


class VersionSettings(SettingsModel):
    """What becomes of a model that was made."""

    model: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")] | None = Field(
        default=None, description="The model of the registry that gets a version; the run's name if left out."
    )
    register_: bool = Field(
        default=True,
        alias="register",
        description="Under the training service: make a version of it in the registry.",
    )
    alias: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")] | None = Field(
        default=None, description="The alias that is moved to the version, or that a rollout is of."
    )
    rollout: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")] | None = Field(
        default=None,
        description="The policy of a rollout that begins with the version, in place of moving the alias.",
    )
    card: str = Field(
        default="", max_length=100_000, description="What the version's card says beside the facts."
    )


class OutputSettings(VersionSettings):
    """What becomes of the weights."""

    weights: Literal["last", "best", "average"] = Field(
        default="last", description="Those at the end, those with the best validation loss, or the average."
    )
    merged: bool = Field(
        default=False,
        description="tuning lora or qlora: besides the adapter, the whole model with it in its weights.",
    )
