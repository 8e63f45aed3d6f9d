"""What a training's recipe may say. Each field has a description: ``python -m colonnade.learn schema`` prints
all."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from colonnade.learn.clipping import ClippingSettings
from colonnade.learn.data.example_settings import ExampleSettings
from colonnade.learn.data.settings import DataSettings, TokenizerFileSettings
from colonnade.learn.fields import SettingsModel
from colonnade.learn.health import HealthSettings
from colonnade.learn.loop.precision import Precision
from colonnade.learn.mesh.settings import ParallelSettings
from colonnade.learn.optimisers.settings import OptimiserSettings
from colonnade.learn.recipe.confinement import ReadsSettings
from colonnade.learn.recipe.head import Description, Name, digest_of
from colonnade.learn.recipe.parts import (
    BatchSettings,
    CheckpointSettings,
    EvaluationSettings,
    ModelSettings,
    OutputSettings,
    PrecisionSettings,
    ReportSettings,
)
from colonnade.learn.schedules import ScheduleSettings
from colonnade.learn.tuning.settings import FullTuning, NextTokenSettings, ObjectiveSettings, Tuning

_BESIDE = {"kind", "name", "description", "reports", "output", "data", "model", "parallel", "reads"}
"""What does not decide the weights; of the data and the model only a part does."""
_LATER = ("tuning", "examples", "objective")
"""Sections that recipes did not always have: where one says nothing, the digest is what it was."""


class Recipe(SettingsModel):
    """A training run."""

    kind: Literal["train"] = "train"
    name: Name
    description: Description = ""
    seed: int = Field(default=0, ge=0, lt=1 << 31, description="Of first weights, order of data and dropout.")
    data: DataSettings | None = Field(default=None, description="From raw text to a token set.")
    examples: ExampleSettings | None = Field(
        default=None, description="In place of data: conversations, or pairs of answers, for a model.from."
    )
    mixture: dict[str, Annotated[float, Field(strict=False, ge=0)]] = Field(
        default={}, description="How often each source is drawn, in any unit; by its tokens where left out."
    )
    model: ModelSettings
    tuning: Tuning = Field(default=FullTuning(), description="How much of the model learns.")
    objective: ObjectiveSettings = Field(
        default=NextTokenSettings(), description="What is learnt from a batch."
    )
    batch: BatchSettings = BatchSettings()
    parallel: ParallelSettings = ParallelSettings()
    steps: int = Field(ge=1, le=100_000_000, description="How often the weights change.")
    optimiser: OptimiserSettings
    schedule: ScheduleSettings
    clipping: ClippingSettings = ClippingSettings()
    precision: PrecisionSettings = PrecisionSettings()
    health: HealthSettings = HealthSettings()
    average: float | None = Field(
        default=None,
        ge=0,
        lt=1,
        description="Keep a moving average of the weights with this decay; it is evaluated and exported.",
    )
    evaluation: EvaluationSettings = EvaluationSettings()
    checkpoints: CheckpointSettings = CheckpointSettings()
    reports: ReportSettings = ReportSettings()
    output: OutputSettings = OutputSettings()
    reads: ReadsSettings | None = Field(
        default=None, description="What its paths may lead to; all that its user may read where left out."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.data is None) == (self.examples is None):
            raise ValueError("say data for raw text, or examples for conversations and pairs; one of the two")
        known = {source.name for source in self.data.sources} if self.data is not None else set()
        unknown = sorted(self.mixture.keys() - known)
        if unknown:
            raise ValueError(f"mixture names {', '.join(unknown)}, which is no source of data.sources")
        if self.mixture and not any(self.mixture.values()):
            raise ValueError("mixture: one source at least must have a weight above 0")
        return self

    @model_validator(mode="after")
    def _starts(self) -> Self:
        tokenizer = None if self.data is None else self.data.tokenizer
        if self.model.from_ is None:
            if self.examples is not None:
                raise ValueError(
                    "examples: they are written as a model writes conversations; name it: model.from"
                )
            if self.tuning.kind != "full":
                raise ValueError(
                    "tuning: an adapter is learnt beside a model that is there; name it: model.from"
                )
            if tokenizer is None:
                raise ValueError(
                    "data.tokenizer: name a file, or one to train; only model.from stands in for it"
                )
        elif tokenizer is not None and not isinstance(tokenizer, TokenizerFileSettings):
            raise ValueError(
                "data.tokenizer: a run that starts from a model has its tokenizer; leave it out, or name the"
                " file with {kind: file, path: ...}"
            )
        if self.output.merged and self.tuning.kind == "full":
            raise ValueError("output.merged: there is nothing to merge without tuning: {kind: lora}")
        if self.model.share is not None and self.tuning.kind != "full":
            raise ValueError("model.share: layers that share learn with all their weights; say tuning: full")
        if self.model.share is not None and (self.parallel.shards > 1 or self.parallel.tensor > 1):
            raise ValueError("model.share: layers that share are learnt in whole copies; say replicas alone")
        return self

    @model_validator(mode="after")
    def _learns(self) -> Self:
        """An objective takes its own kind of batch."""
        pairs = self.examples is not None and self.examples.kind == "preferences"
        prefers = self.objective.kind == "dpo"
        if pairs != prefers:
            raise ValueError(
                "objective: dpo learns from examples: {kind: preferences}, and those are learnt by dpo alone"
            )
        if prefers and self.tuning.kind == "full":
            raise ValueError(
                "objective: dpo compares the model with itself without its adapter; say tuning: {kind: lora}"
            )
        if self.objective.kind != "next_token" and self.optimiser.name == "sophia":
            raise ValueError(
                "optimiser: sophia estimates how a next-token loss bends; name another for"
                f" {self.objective.kind}"
            )
        return self

    @model_validator(mode="after")
    def _is_taught(self) -> Self:
        tokenizer = None if self.data is None else self.data.tokenizer
        other = tokenizer is not None and not isinstance(tokenizer, TokenizerFileSettings)
        if self.objective.kind == "distil" and other:
            raise ValueError(
                "objective: distil: student and teacher spell alike; name the teacher's tokenizer:"
                " data.tokenizer: {kind: file, path: <objective.teacher>}"
            )
        return self

    @model_validator(mode="after")
    def _holds(self) -> Self:
        """A step has room for the longest example, of pairs for both answers."""
        if self.examples is not None:
            self.batch.check_longest(self.examples)
            if self.examples.kind == "preferences" and self.batch.rows < 2:
                raise ValueError("batch.rows: a pair is two rows; make it 2 at least")
        return self

    @property
    def digest(self) -> str:
        """Of what decides the weights, beside the files that are read and the machine."""
        said: dict[str, Any] = self.model_dump(mode="json", exclude=_BESIDE)
        said["model"] = self.model.decisive()
        said["objective"] = self.objective.model_dump(mode="json", exclude={"teacher"})
        said["data"] = None if self.data is None else self.data.decisive()
        said["examples"] = None if self.examples is None else self.examples.decisive()
        for name in _LATER:
            if getattr(self, name) == type(self).model_fields[name].default:
                del said[name]
        return digest_of(said)

    @property
    def precise(self) -> Precision:
        return Precision(self.precision.kind)
