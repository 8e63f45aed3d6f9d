"""What a recipe says of how much of a model learns, and of what it learns from a batch."""

from typing import Annotated, Literal

from pydantic import Field

from colonnade.learn.compress.settings import DistilSettings
from colonnade.learn.fields import SettingsModel
from colonnade.models.adapters.peft import MAX_RANK


class FullTuning(SettingsModel):
    """All weights learn."""

    kind: Literal["full"] = "full"


class AdapterTuning(SettingsModel):
    """The model's weights stay as they are; beside them an adapter learns."""

    rank: int = Field(default=16, ge=1, le=MAX_RANK, description="Of each layer's low-rank part.")
    alpha: float = Field(
        default=32.0,
        gt=0,
        allow_inf_nan=False,
        description="What is added is scaled by alpha over the rank.",
    )
    targets: Annotated[tuple[str, ...], Field(strict=False, max_length=64)] = Field(
        default=(),
        description="Layers that get a part, by the ends of their names: q_proj, v_proj ... All that can,"
        " where left out.",
    )
    rank_stabilised: bool = Field(
        default=False,
        description="Scale by alpha over the root of the rank (Kalajdzievski 2023, arXiv:2312.03732).",
    )
    dropout: float = Field(
        default=0.0, ge=0, lt=1, description="Share of what goes into the low-rank parts that is left out."
    )


class LoraTuning(AdapterTuning):
    """The base is kept as it is (Hu et al. 2021, arXiv:2106.09685)."""

    kind: Literal["lora"] = "lora"


class QLoraTuning(AdapterTuning):
    """The base is kept in four bits, on the grid of the engine's ``int4`` (Dettmers et al. 2023,
    arXiv:2305.14314)."""

    kind: Literal["qlora"] = "qlora"


Tuning = Annotated[FullTuning | LoraTuning | QLoraTuning, Field(discriminator="kind")]


class NextTokenSettings(SettingsModel):
    """Each token that is learnt is to be likely after those before it."""

    kind: Literal["next_token"] = "next_token"


class DirectPreferenceSettings(SettingsModel):
    """Of two answers the chosen one is to gain on the rejected (Rafailov et al. 2023, arXiv:2305.18290)."""

    kind: Literal["dpo"] = "dpo"
    beta: float = Field(
        default=0.1,
        gt=0,
        allow_inf_nan=False,
        description="How dear it is to leave what the model was: smaller lets it go further.",
    )
    label_smoothing: float = Field(
        default=0.0, ge=0, lt=0.5, description="Share of pairs that may be marked the wrong way round."
    )


ObjectiveSettings = Annotated[
    NextTokenSettings | DirectPreferenceSettings | DistilSettings, Field(discriminator="kind")
]
