"""What the recipe of a conversion may say."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from colonnade.learn.fields import SettingsModel
from colonnade.learn.recipe.confinement import ReadsSettings
from colonnade.learn.recipe.head import Description, Name, digest_of
from colonnade.learn.recipe.parts import GivenModelSettings, VersionSettings


class PruneSettings(SettingsModel):
    """What is to remain of each; what is left out stays as it is."""

    heads: int | None = Field(default=None, description="Query heads in every layer.")
    kv_heads: int | None = Field(default=None, description="Key-value heads in every layer.")
    hidden: int | None = Field(default=None, description="Feed-forward neurons in every layer.")
    layers: int | None = Field(default=None, description="Layers.")
    by: Literal["taylor", "activation", "magnitude"] = Field(
        default="taylor", description="How it is measured what matters."
    )
    calibrate: str | None = Field(
        default=None, min_length=1, description="A text to measure it on; by: magnitude needs none."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.heads is self.kv_heads is self.hidden is self.layers is None:
            raise ValueError("say how many heads, kv_heads, hidden or layers are to remain")
        if self.by != "magnitude" and self.calibrate is None:
            raise ValueError(f"calibrate: {self.by} needs a text; name a file, or say by: magnitude")
        return self


class QuantiseSettings(SettingsModel):
    """Weights are rounded to the engine's own grid, which then serves those very numbers in so many bits."""

    bits: Literal[4, 8] = Field(description="Of a weight, beside the scales of each group of 32.")


class ConvertRecipe(SettingsModel):
    """A model that is made of another without learning: pruned, rounded, or both in this order."""

    kind: Literal["convert"]
    name: Name
    description: Description = ""
    model: GivenModelSettings
    prune: PruneSettings | None = Field(default=None, description="Cut heads, neurons and layers out of it.")
    quantise: QuantiseSettings | None = Field(default=None, description="Round its weights.")
    output: VersionSettings = VersionSettings()
    reads: ReadsSettings | None = Field(
        default=None, description="What its paths may lead to; all that its user may read where left out."
    )

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.prune is None and self.quantise is None:
            raise ValueError("say prune, quantise, or both: what is to be made of the model")
        return self

    @property
    def digest(self) -> str:
        """Of what decides the weights, beside the files that are read."""
        said: dict[str, Any] = self.model_dump(mode="json", include={"kind", "prune", "quantise"})
        if self.prune is not None:
            del said["prune"]["calibrate"]
        return digest_of(said)
