"""DeepSpeed's optimisers and schedulers as those of a recipe, with DeepSpeed's own defaults filled in."""

from collections.abc import Callable, Mapping
from typing import Any

from colonnade.learn.zero.document import Document, refused

_NAMES = {"adam": "adamw", "adamw": "adamw", "lamb": "lamb", "lion": "lion", "sgd": "sgd"}
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "adamw": {"learning_rate": 1e-3, "betas": [0.9, 0.999], "epsilon": 1e-8, "weight_decay": 0.0},
    "lamb": {"learning_rate": 1e-3, "betas": [0.9, 0.999], "epsilon": 1e-8, "weight_decay": 0.0},
    "lion": {"learning_rate": 1e-4, "betas": [0.9, 0.99], "weight_decay": 0.0},
    "sgd": {"learning_rate": 1e-3, "momentum": 0.0, "weight_decay": 0.0, "nesterov": False},
}
_FIELDS = {
    "lr": "learning_rate",
    "betas": "betas",
    "eps": "epsilon",
    "weight_decay": "weight_decay",
    "momentum": "momentum",
    "nesterov": "nesterov",
}
_AS_OURS = {
    "torch_adam": None,
    "fused": None,
    "foreach": None,
    "adam_w_mode": True,
    "bias_correction": True,
    "amsgrad": False,
    "eps_inside_sqrt": False,
    "dampening": 0,
    "maximize": False,
}
"""What only decides how a step is computed (None), or is done here in one way alone."""


def optimiser(document: Document) -> dict[str, Any] | None:
    """The recipe's ``optimiser``; None where the configuration leaves it to others."""
    kind = document.take("optimizer.type", None)
    if kind is None:
        return None
    name = _NAMES.get(str(kind).lower())
    if name is None:
        raise refused("optimizer.type", kind, f"write one of {', '.join(_NAMES)}; others are no part of this")
    said: dict[str, Any] = {"name": name, **_DEFAULTS[name]}
    for field in document.below("optimizer.params"):
        path = f"optimizer.params.{field}"
        value = document.take(path, None)
        if field in _AS_OURS:
            if _AS_OURS[field] is not None and value != _AS_OURS[field]:
                raise refused(path, value, f"only {str(_AS_OURS[field]).lower()} is done here; leave it out")
        elif field not in _FIELDS or _FIELDS[field] not in said:
            raise refused(path, value, f"{name} has no such option; leave it out")
        elif value is not None:
            said[_FIELDS[field]] = value
        else:
            del said[_FIELDS[field]]
    if name == "sgd" and not said["momentum"]:
        said["nesterov"] = False
    return said


def schedule(document: Document) -> tuple[dict[str, Any], int | None, float | None] | None:
    """The recipe's ``schedule``, ``steps`` and peak learning rate, each None where it is silent."""
    kind = document.take("scheduler.type", None)
    if kind is None:
        return None
    if kind not in _SCHEDULES:
        raise refused("scheduler.type", kind, f"write one of {', '.join(_SCHEDULES)}")
    said = _SCHEDULES[kind](document)
    steps = document.count("scheduler.params.total_num_steps", least=1)
    peak = document.number("scheduler.params.warmup_max_lr")
    return said, steps, peak


def _warm_up(document: Document) -> dict[str, int]:
    path = "scheduler.params"
    kind = document.take(f"{path}.warmup_type", "log")
    if kind != "linear":
        why = "a warm-up is linear here; say linear"
        raise refused(f"{path}.warmup_type", f"{kind} (log is DeepSpeed's default)", why)
    for field in ("warmup_min_lr", "warmup_min_ratio"):
        if document.number(f"{path}.{field}", 0.0):
            raise refused(f"{path}.{field}", "above 0", "a warm-up starts at 0 here; say 0")
    if document.leaves(f"{path}.warmup_num_steps"):
        document.take(f"{path}.warmup_num_steps")
        return {}
    return {"warm_up": document.count(f"{path}.warmup_num_steps", 1000) or 0}


def _constant(document: Document) -> dict[str, Any]:
    return {"kind": "constant", **_warm_up(document)}


def _linear(document: Document) -> dict[str, Any]:
    return {"kind": "linear", "final_share": 0.0, **_warm_up(document)}


def _cosine(document: Document) -> dict[str, Any]:
    share = document.number("scheduler.params.cos_min_ratio", 1e-4)
    return {"kind": "cosine", "final_share": float(share), **_warm_up(document)}


_SCHEDULES: Mapping[str, Callable[[Document], dict[str, Any]]] = {
    "WarmupLR": _constant,
    "WarmupDecayLR": _linear,
    "WarmupCosineLR": _cosine,
}
