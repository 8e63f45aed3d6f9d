"""What a recipe says of its optimiser.

Each optimiser has options of its own with its own defaults (``OPTIONS``). They are filled in where the
document is silent, so that what is stored says everything that decides the weights; an option that the named
optimiser does not know is refused at that field.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, model_validator

from colonnade.learn.fields import SettingsModel, refusal

Name = Literal["adamw", "sgd", "lion", "lamb", "adan", "sophia", "adafactor", "muon"]
NAMES: tuple[Name, ...] = get_args(Name)

_FUSABLE: Mapping[str, Any] = {"implementation": "auto"}
_ADAMW: Mapping[str, Any] = {"betas": (0.9, 0.95), "epsilon": 1e-8, "weight_decay": 0.1, **_FUSABLE}
OPTIONS: Mapping[Name, Mapping[str, Any]] = {
    "adamw": _ADAMW,
    "sgd": {"weight_decay": 0.0, "momentum": 0.9, "nesterov": False, **_FUSABLE},
    "lion": {"weight_decay": 0.1, "betas": (0.9, 0.99)},
    "lamb": {"weight_decay": 0.01, "betas": (0.9, 0.999), "epsilon": 1e-6},
    "adan": {"weight_decay": 0.02, "betas": (0.98, 0.92, 0.99), "epsilon": 1e-8},
    "sophia": {
        "weight_decay": 0.1,
        "betas": (0.96, 0.99),
        "epsilon": 1e-12,
        "curvature_every": 10,
        "curvature_scale": 0.01,
        "curvature_estimate": "hutchinson",
    },
    "adafactor": {"weight_decay": 0.0, "relative_floor": 1e-3, "update_clip": 1.0, "decay_power": 0.8},
    "muon": {
        **_ADAMW,
        "momentum": 0.95,
        "nesterov": True,
        "newton_schulz_steps": 5,
        "matrix_scale": "match_rms_adamw",
    },
}

Beta = Annotated[float, Field(ge=0, lt=1)]
Betas = Annotated[
    tuple[Beta, ...], BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)
]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class OptimiserSettings(SettingsModel):
    """An optimiser's name and options; None stands in what the optimiser does not know."""

    name: Name
    learning_rate: Positive
    """The peak; a schedule multiplies it."""
    hidden_learning_rate: Positive | None = None
    """muon: that of the hidden matrices; None for the same. ``matrix_scale: original`` wants about 0.02."""
    weight_decay: NotNegative | None = None
    """Decoupled from the gradient and times the learning rate (lamb: inside the trust ratio; sgd: L2)."""
    decay_embeddings: bool = False
    """Matrices always decay, biases and norms never."""
    betas: Betas | None = None
    epsilon: Positive | None = None
    momentum: Beta | None = None
    nesterov: bool | None = None
    implementation: Literal["auto", "fused", "foreach", "single"] | None = None
    """How the step is computed; results differ by rounding. auto: fused, the quickest, on CPUs and CUDA."""
    curvature_every: Annotated[int, Field(ge=1)] | None = None
    """sophia: steps between two estimates of the Hessian's diagonal."""
    curvature_scale: Positive | None = None
    """sophia: the paper's gamma; larger means that fewer entries are clipped."""
    curvature_estimate: Literal["hutchinson", "gauss_newton"] | None = None
    relative_floor: Positive | None = None
    """adafactor: steps are relative to a parameter's root mean square, or to this if it is less."""
    update_clip: Positive | None = None
    """adafactor: most root mean square of an update (the paper's d)."""
    decay_power: Positive | None = None
    """adafactor: the second moment forgets by 1 - step ** -decay_power."""
    newton_schulz_steps: Annotated[int, Field(ge=1, le=20)] | None = None
    matrix_scale: Literal["original", "match_rms_adamw"] | None = None
    """muon: how a matrix's shape scales its step; match_rms_adamw lets one learning rate serve both parts."""

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or data.get("name") not in OPTIONS:
            return data  # for the field itself to refuse
        given = {field: value for field, value in data.items() if value is not None}
        return {**OPTIONS[data["name"]], **given}

    @model_validator(mode="after")
    def _check(self) -> Self:
        known = OPTIONS[self.name]
        for field in (field for options in OPTIONS.values() for field in options):
            if field not in known and getattr(self, field) is not None:
                has = ", ".join(known)
                self._refuse(field, f"{self.name} has no such option; it has {has}. Leave it out")
        if self.hidden_learning_rate is not None and self.name != "muon":
            self._refuse("hidden_learning_rate", "only muon treats hidden matrices apart. Leave it out")
        if self.betas is not None and len(self.betas) != len(known["betas"]):
            example = list(known["betas"])
            self._refuse("betas", f"{self.name} takes {len(example)}, for example {example}")
        if self.nesterov and not self.momentum:
            self._refuse("nesterov", "needs momentum above 0")
        return self

    def _refuse(self, field: str, why: str) -> None:
        raise refusal("OptimiserSettings", field, getattr(self, field), why)
