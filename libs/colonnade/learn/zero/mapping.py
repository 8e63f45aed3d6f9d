"""From DeepSpeed's configuration to sections of a recipe and what FSDP2 is told: a mapping, field by field.

What it does not say (data, model, number of steps) stays the recipe's. Weight decay spares biases and norms
here, whatever the optimiser; DeepSpeed decays what its caller's groups say.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colonnade.errors import InvalidArgument, NotFound
from colonnade.learn.zero.batch import batch
from colonnade.learn.zero.document import Document, refused
from colonnade.learn.zero.fields import KEPT, REFUSED, asks
from colonnade.learn.zero.optimisers import optimiser, schedule
from colonnade.learn.zero.sharding import Sharding

_LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Mapped:
    recipe: Mapping[str, Any]
    """Sections of a recipe, as JSON."""
    sharding: Sharding
    kept: Mapping[str, str]
    """Fields on which no result depends, and why."""


def read_zero(path: Path, processes: int) -> Mapped:
    """For a run of so many processes. Raises ``InvalidArgument``, which names a field, or ``NotFound``."""
    try:
        if path.stat().st_size > _LARGEST:
            raise InvalidArgument(f"a DeepSpeed configuration has at most {_LARGEST} bytes", limit=_LARGEST)
        said = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFound(f"there is no DeepSpeed configuration {path.name}", field="configuration") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidArgument(f"{path.name} cannot be read as JSON", field="configuration") from error
    if not isinstance(said, dict):
        raise InvalidArgument(f"{path.name}: a DeepSpeed configuration is an object", field="configuration")
    return map_zero(said, processes)


def map_zero(said: Mapping[str, Any], processes: int) -> Mapped:
    document = Document(said)
    recipe: dict[str, Any] = {"batch": batch(document, processes)}
    recipe["precision"] = _precision(document)
    if (clipping := _clipping(document)) is not None:
        recipe["clipping"] = clipping
    if (found := optimiser(document)) is not None:
        recipe["optimiser"] = found
    if (scheduled := schedule(document)) is not None:
        _scheduled(recipe, *scheduled)
    sharding = _sharding(document)
    recipe["parallel"] = {"shards": processes} if sharding.stage else {"replicas": processes}
    return Mapped(recipe, sharding, _rest(document))


def _scheduled(recipe: dict[str, Any], said: dict[str, Any], steps: int | None, peak: float | None) -> None:
    recipe["schedule"] = said
    if steps is not None:
        recipe["steps"] = steps
    if peak is not None and "optimiser" in recipe:
        recipe["optimiser"]["learning_rate"] = peak


def _precision(document: Document) -> dict[str, Any]:
    left = [document.leaves(f"{name}.enabled") for name in ("fp16", "bf16", "bfloat16")]
    bfloat = [document.truth(f"{name}.enabled") for name in ("bf16", "bfloat16")]
    half = document.truth("fp16.enabled")
    if any(left) and not half and not any(bfloat):
        return {"scaling": _scaling(document)}
    if not half:
        for field in document.below("fp16"):
            document.take(f"fp16.{field}")
        return {"kind": "bfloat16-mixed" if any(bfloat) else "float32"}
    if any(bfloat):
        raise refused("fp16.enabled", "true, as is bf16.enabled", "enable one of them")
    return {"kind": "float16-mixed", "scaling": _scaling(document)}


def _scaling(document: Document) -> dict[str, Any]:
    if (scale := document.number("fp16.loss_scale", 0)) != 0:
        raise refused("fp16.loss_scale", scale, "the scale is dynamic here; say 0")
    if document.truth("fp16.auto_cast"):
        raise refused("fp16.auto_cast", True, "inputs are tokens; leave it out")
    return {
        "initial_scale_power": document.count("fp16.initial_scale_power", 16),
        "loss_scale_window": document.count("fp16.loss_scale_window", 1000, least=1),
        "hysteresis": document.count("fp16.hysteresis", 2, least=1),
        "consecutive_hysteresis": document.truth("fp16.consecutive_hysteresis"),
        "min_loss_scale": float(document.number("fp16.min_loss_scale", 1, least=1e-9)),
    }


def _clipping(document: Document) -> dict[str, Any] | None:
    """None where it is left to others; DeepSpeed's default is not to clip."""
    left = document.leaves("gradient_clipping")
    limit = document.take("gradient_clipping", 0.0)
    if isinstance(limit, bool) or not isinstance(limit, int | float) or limit < 0:
        raise refused("gradient_clipping", limit, "write a number of at least 0")
    if left:
        return None
    return {"kind": "norm", "limit": float(limit)} if limit else {"kind": "none"}


def _sharding(document: Document) -> Sharding:
    path = "zero_optimization"
    stage = document.count(f"{path}.stage", 0)
    if stage is None or stage > 3:
        raise refused(f"{path}.stage", stage, "write 0, 1, 2 or 3")
    weights, weights_pinned = _offload(document, f"{path}.offload_param", f"{path}.cpu_offload_param")
    state, state_pinned = _offload(document, f"{path}.offload_optimizer", f"{path}.cpu_offload")
    if weights and stage < 3:
        raise refused(f"{path}.offload_param.device", "cpu", "only stage 3 shards weights; say stage 3")
    if state and stage < 1:
        raise refused(
            f"{path}.offload_optimizer.device", "cpu", "stage 0 shards nothing; say stage 1 or more"
        )
    return Sharding(stage, weights or state, weights_pinned or state_pinned)


def _offload(document: Document, section: str, former: str) -> tuple[bool, bool]:
    """Whether, and whether into pinned memory."""
    device = document.take(f"{section}.device", None)
    document.take(section, None)  # null, or {}
    pinned = document.truth(f"{section}.pin_memory")
    if device not in (None, "none", "cpu"):
        raise refused(f"{section}.device", device, "there is no NVMe here; say cpu or none")
    return device == "cpu" or document.truth(former), pinned


def _rest(document: Document) -> dict[str, str]:
    """What was not asked for by name: kept, or refused."""
    off = {
        field.removesuffix("enabled")
        for field, value in document.left.items()
        if field.endswith(".enabled") and value is False
    }
    kept = {}
    for field, value in document.left.items():
        if (why := _of(KEPT, field)) is not None:
            kept[field] = why
        elif (instead := _of(REFUSED, field)) is not None:
            if asks(value) and not field.startswith(tuple(off)):
                raise refused(field, value, instead)
            kept[field] = "it asks for nothing"
        else:
            raise refused(field, value, "no such field is known; correct its name or leave it out")
    return kept


def _of(words: Mapping[str, str], field: str) -> str | None:
    """Those of the field, or of the section that it is in."""
    while field not in words:
        field, dot, _ = field.rpartition(".")
        if not dot:
            return None
    return words[field]
