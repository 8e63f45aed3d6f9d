"""From settings to an optimiser: torch's own where it has one, else pytorch-optimizer's.

pytorch-optimizer is imported only where one of its optimisers is asked for: it takes seconds.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adafactor, AdamW, Optimizer

from colonnade.errors import Unsupported
from colonnade.learn.mesh.parts import in_parts
from colonnade.learn.optimisers.groups import Parameters
from colonnade.learn.optimisers.settings import Name, OptimiserSettings
from colonnade.learn.optimisers.together import MuonWithAdamW

T = TypeVar("T")

FUSED_ON = frozenset({"cpu", "cuda", "xpu", "mps"})


def make_optimiser(model: nn.Module, settings: OptimiserSettings) -> Optimizer:
    """The optimiser of all of the model's trainable parameters. Every group has a ``name`` and its peak as
    ``initial_lr``. Refuses a model without trainable parameters."""
    parameters = Parameters.of(model)
    optimiser = _MAKERS[settings.name](parameters, settings)
    for group in optimiser.param_groups:
        group["initial_lr"] = group["lr"]
    return optimiser


def set_learning_rate(optimiser: Optimizer, factor: float) -> None:
    """Sets every group to its peak times ``factor``, which a schedule gives."""
    for group in optimiser.param_groups:
        group["lr"] = group["initial_lr"] * factor


def _adamw(parameters: Parameters, settings: OptimiserSettings) -> Optimizer:
    """Loshchilov and Hutter 2019, arXiv:1711.05101."""
    options = _adam_options(parameters, settings)
    return AdamW(_grouped(parameters, settings), lr=settings.learning_rate, **options)


def _sgd(parameters: Parameters, settings: OptimiserSettings) -> Optimizer:
    return SGD(
        _grouped(parameters, settings),
        lr=settings.learning_rate,
        momentum=_given(settings.momentum),
        nesterov=_given(settings.nesterov),
        **_implementation(parameters, settings),
    )


def _adafactor(parameters: Parameters, settings: OptimiserSettings) -> Optimizer:
    """Shazeer and Stern 2018, arXiv:1804.04235: a matrix's second moment as a row times a column. The
    learning rate is the most that a step may be, relative to the parameter."""
    return Adafactor(
        _grouped(parameters, settings),
        lr=settings.learning_rate,
        eps=(None, _given(settings.relative_floor)),
        d=_given(settings.update_clip),
        beta2_decay=-_given(settings.decay_power),
    )


def _muon(parameters: Parameters, settings: OptimiserSettings) -> Optimizer:
    groups = _grouped(parameters, settings, hidden=True)
    muon = {
        "lr": settings.hidden_learning_rate or settings.learning_rate,
        "momentum": settings.momentum,
        "nesterov": settings.nesterov,
        "ns_steps": settings.newton_schulz_steps,
        "adjust_lr_fn": settings.matrix_scale,
    }
    adamw = {"lr": settings.learning_rate, **_adam_options(parameters, settings)}
    return MuonWithAdamW(groups, muon, adamw)


def _lion(parameters: Parameters, settings: OptimiserSettings) -> Optimizer:
    """Chen et al. 2023, arXiv:2302.06675."""
    from pytorch_optimizer import Lion

    return Lion(_grouped(parameters, settings), lr=settings.learning_rate, betas=_pair(settings))


def _lamb(parameters: Parameters, settings: OptimiserSettings) -> Optimizer:
    """You et al. 2020, arXiv:1904.00962, in the form of its version 3: decay inside the trust ratio, moments
    not corrected for their start (nor the step, which ``adam_debias`` would otherwise enlarge)."""
    from pytorch_optimizer import Lamb

    return Lamb(
        _grouped(parameters, settings),
        lr=settings.learning_rate,
        betas=_pair(settings),
        eps=_given(settings.epsilon),
        weight_decouple=False,
        adam_debias=True,
    )


def _adan(parameters: Parameters, settings: OptimiserSettings) -> Optimizer:
    """Xie et al. 2022, arXiv:2208.06677, with the paper's proximal decay."""
    from pytorch_optimizer import Adan

    first, second, third = _given(settings.betas)
    return Adan(
        _grouped(parameters, settings),
        lr=settings.learning_rate,
        betas=(first, second, third),
        eps=_given(settings.epsilon),
        foreach=False if any(in_parts(p) for p in parameters.all.values()) else None,
    )


def _sophia(parameters: Parameters, settings: OptimiserSettings) -> Optimizer:
    from colonnade.learn.optimisers.sophia import Sophia

    return Sophia(
        _grouped(parameters, settings),
        lr=settings.learning_rate,
        betas=_pair(settings),
        epsilon=_given(settings.epsilon),
        every=_given(settings.curvature_every),
        scale=_given(settings.curvature_scale),
        estimate=_given(settings.curvature_estimate),
    )


_MAKERS: Mapping[Name, Callable[[Parameters, OptimiserSettings], Optimizer]] = {
    "adamw": _adamw,
    "sgd": _sgd,
    "lion": _lion,
    "lamb": _lamb,
    "adan": _adan,
    "sophia": _sophia,
    "adafactor": _adafactor,
    "muon": _muon,
}


def _grouped(
    parameters: Parameters, settings: OptimiserSettings, *, hidden: bool = False
) -> list[dict[str, Any]]:
    decay = _given(settings.weight_decay)
    return parameters.grouped(decay, embeddings=settings.decay_embeddings, hidden=hidden)


def _adam_options(parameters: Parameters, settings: OptimiserSettings) -> dict[str, Any]:
    return {
        "betas": _pair(settings),
        "eps": settings.epsilon,
        **_implementation(parameters, settings),
    }


def _pair(settings: OptimiserSettings) -> tuple[float, float]:
    first, second = _given(settings.betas)
    return first, second


def _given(option: T | None) -> T:
    """An option that the settings have filled in for this optimiser."""
    assert option is not None
    return option


def _implementation(parameters: Parameters, settings: OptimiserSettings) -> dict[str, bool]:
    unfit = sorted({place for p in parameters.all.values() if (place := _without_fused(p, settings.name))})
    if settings.implementation == "fused" and unfit:
        raise Unsupported(
            f"optimiser: there is no fused step on {', '.join(unfit)}; set implementation to auto",
            field="implementation",
        )
    meshes = {p.device_mesh if in_parts(p) else None for p in parameters.all.values()}
    kind = settings.implementation
    if kind == "auto":
        fused = not unfit and meshes == {None}
        kind = "fused" if fused else "foreach" if len(meshes) == 1 else "single"
    return {"foreach": kind == "foreach"} if kind != "fused" else {"fused": True}


def _without_fused(parameter: Tensor, name: Name) -> str:
    """Where a parameter lies, if there is no fused step there; else empty."""
    device = parameter.device.type
    # torch 2.13's fused SGD leaves such weights as they are, without a word (pytorch/pytorch#191763).
    if name == "sgd" and device == "cpu" and parameter.dtype.itemsize < torch.float32.itemsize:
        return f"{device} in {str(parameter.dtype).removeprefix('torch.')}"
    return "" if device in FUSED_ON else device
