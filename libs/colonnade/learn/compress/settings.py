"""What a recipe says of layers that share, and of a teacher."""

from typing import Any, Literal

from pydantic import Field

from colonnade.errors import InvalidArgument
from colonnade.learn.fields import SettingsModel


class Sharing(SettingsModel):
    """Layers that have the same weights while they learn; see ``sharing.py``."""

    kind: Literal["cyclic", "runs"] = Field(
        default="cyclic",
        description="cyclic: layer i has the weights of layer i mod distinct. runs: neighbours share.",
    )
    distinct: int = Field(ge=1, description="How many layers have weights of their own.")

    def owners(self, layers: int) -> tuple[int, ...]:
        """Of each layer, the first layer with its weights. Raises ``InvalidArgument`` for too few layers."""
        if self.distinct > layers:
            raise InvalidArgument(
                f"model.share: distinct is {self.distinct}; it must be at most the model's {layers} layers",
                field="model.share.distinct",
                limit=layers,
            )
        if self.kind == "cyclic":
            return tuple(layer % self.distinct for layer in range(layers))
        runs = [layer * self.distinct // layers for layer in range(layers)]
        return tuple(runs.index(run) for run in runs)

    def facts(self) -> dict[str, Any]:
        """For the ``source`` of an export."""
        return {"sharing": {"kind": self.kind, "distinct": self.distinct}}


class DistillationSettings(SettingsModel):
    """How much of a teacher's word counts, and how it is compared; see ``distillation.py``."""

    temperature: float = Field(
        default=1.0,
        gt=0,
        le=100,
        description="Both models' logits are divided by it before they are compared.",
    )
    weight: float = Field(
        default=0.5, ge=0, le=1, description="Of the teacher's word in the loss; the rest is the text's."
    )
    divergence: Literal["forward", "reverse"] = Field(
        default="forward",
        description="forward: KL(teacher, student), the student covers all that the teacher may say. reverse:"
        " KL(student, teacher), it keeps to what the teacher would say.",
    )
    top: int | None = Field(
        default=None,
        ge=1,
        description="How many of the teacher's most likely tokens are compared one by one, all others as if"
        " they were one; all one by one where left out.",
    )


class DistilSettings(DistillationSettings):
    """What a larger model would say of the batch is learnt beside the text (Hinton et al. 2015,
    arXiv:1503.02531)."""

    kind: Literal["distil"] = "distil"
    teacher: str = Field(
        min_length=1,
        description="The folder of a model with the same tokenizer, an artefact folder or one of Hugging"
        " Face's.",
    )
