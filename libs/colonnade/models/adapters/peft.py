"""LoRA adapters as Hugging Face's PEFT keeps them: ``adapter_config.json``, ``adapter_model.safetensors``.

Plain LoRA on linear layers is read. Whatever would change the equations and is not known here is refused by
the name of its field, never ignored.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.models.adapters.bank import Parts, Site
from colonnade.models.artefact import read_config, required
from colonnade.models.layers.lora import LowRank, scale_of
from colonnade.security.inputs import escape_log

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
MAX_RANK = 1024
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}

_PLAIN_STARTS = (None, True, False, "gaussian", "orthogonal", "eva")
"""Ways to begin training that leave the base model as it is; pissa, olora, corda, loftq ... change it."""
_KNOWN = frozenset(
    {
        "auto_mapping", "base_model_name_or_path", "bias", "corda_config", "eva_config", "exclude_modules",
        "inference_mode", "init_lora_weights", "layers_pattern", "layers_to_transform", "loftq_config",
        "lora_alpha", "lora_dropout", "megatron_core", "peft_type", "peft_version", "qalora_group_size", "r",
        "revision", "runtime_config", "target_modules", "task_type", "use_rslora",
    }
)  # fmt: skip
"""Read here, about training alone, or about which layers were chosen, which the weights say themselves."""
_TENSOR = re.compile(r"base_model\.model\.(.+)\.lora_([AB])\.weight")


@dataclass(frozen=True, slots=True)
class PeftConfig:
    rank: int
    alpha: float
    rank_stabilised: bool

    @property
    def scale(self) -> float:
        return scale_of(self.alpha, self.rank, rank_stabilised=self.rank_stabilised)

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "PeftConfig":
        """Checks everything. Raises ``InvalidArgument`` or ``Unsupported`` naming the field."""
        if raw.get("peft_type") != "LORA":
            raise Unsupported(f"{CONFIG}: only peft_type LORA is supported", field="peft_type")
        _refuse_variants(raw)
        rank: Any = raw.get("r")
        alpha: Any = raw.get("lora_alpha")
        if type(rank) is not int or not 1 <= rank <= MAX_RANK:
            raise InvalidArgument(f"{CONFIG}: r must be 1 to {MAX_RANK}", field="r", limit=MAX_RANK)
        if type(alpha) not in (int, float) or not math.isfinite(alpha):
            raise InvalidArgument(f"{CONFIG}: lora_alpha must be a number", field="lora_alpha")
        return cls(rank, float(alpha), raw.get("use_rslora") is True)


def _refuse_variants(raw: Mapping[str, Any]) -> None:
    if raw.get("bias", "none") != "none":
        raise Unsupported(f'{CONFIG}: bias must be "none": trained biases are not supported', field="bias")
    if raw.get("init_lora_weights") not in _PLAIN_STARTS:
        raise Unsupported(
            f"{CONFIG}: this init_lora_weights changes the base model's own weights; convert the adapter to "
            "plain LoRA as you save it (PEFT's path_initial_model_for_weight_conversion)",
            field="init_lora_weights",
        )
    for field, value in raw.items():
        if value and field not in _KNOWN:
            shown = escape_log(field[:80])
            raise Unsupported(f"{CONFIG}: {shown} is not supported; only plain LoRA is", field=shown)


def read_parts(
    files: Mapping[str, Path],
    sites: Mapping[str, Site],
    *,
    dtype: torch.dtype | None,
    device: torch.device | str,
) -> Parts:
    """An adapter's low-rank parts for a model that has these ``sites``; ``dtype`` None keeps the stored one.

    Raises ``InvalidArgument`` or ``Unsupported`` for whatever does not fit them."""
    config = PeftConfig.of(read_config(required(files, CONFIG), CONFIG))
    try:
        with safe_open(required(files, WEIGHTS), framework="pt", device=str(device)) as file:
            pairs = _pairs(set(file.keys()), sites)
            for name in sorted(pairs):
                _check(file, name, sites[name], config.rank)
            return {name: _part(file, name, config.scale, dtype) for name in sorted(pairs)}
    except (SafetensorError, OSError) as error:
        raise InvalidArgument(f"{WEIGHTS} is damaged or not a safetensors file", field=WEIGHTS) from error


def tensor_name(site: str, letter: str) -> str:
    return f"base_model.model.{site}.lora_{letter}.weight"


def _pairs(names: set[str], sites: Mapping[str, Site]) -> set[str]:
    """The sites that the adapter has a part for, each with its A and its B."""
    found: set[str] = set()
    for name in sorted(names):
        shown = escape_log(name[:160])
        match = _TENSOR.fullmatch(name)
        if match is None:
            raise Unsupported(f"{WEIGHTS}: {shown} is not a part of plain LoRA", field=WEIGHTS, tensor=shown)
        if match[1] not in sites:
            known = sorted({site.rpartition(".")[2] for site in sites})
            raise Unsupported(
                f"{WEIGHTS}: the base model has no layer for {shown} that adapters may change; "
                f"target_modules may be {', '.join(known)}",
                field="target_modules", tensor=shown, supported=known,
            )  # fmt: skip
        found.add(match[1])
    missing = {tensor_name(site, letter) for site in found for letter in "AB"} - names
    if missing or not found:
        what = escape_log(min(missing)[:160]) if missing else "any tensor"
        raise InvalidArgument(f"{WEIGHTS} lacks {what}", field=WEIGHTS)
    return found


def _check(file: Any, name: str, site: Site, rank: int) -> None:
    for letter, shape in (("A", [rank, site.inputs]), ("B", [site.outputs, rank])):
        tensor = tensor_name(name, letter)
        found = file.get_slice(tensor)
        if found.get_dtype() not in DTYPES:
            raise Unsupported(f"{WEIGHTS}: {tensor} must be one of {', '.join(DTYPES)}", field=tensor)
        if list(found.get_shape()) != shape:
            raise InvalidArgument(
                f"{WEIGHTS}: {tensor} has shape {list(found.get_shape())}; by the base model and r it must "
                f"have {shape}",
                field=tensor,
            )


def _part(file: Any, name: str, scale: float, dtype: torch.dtype | None) -> LowRank:
    down, up = (
        _finite(file.get_tensor(each), each) for each in (tensor_name(name, "A"), tensor_name(name, "B"))
    )
    kept = dtype or down.dtype
    # Copied, not mapped: what is unloaded gives its memory back at once.
    return LowRank(down.to(kept, copy=True), (up.float() * scale).to(kept).T.contiguous())


def _finite(value: Tensor, name: str) -> Tensor:
    if not bool(torch.isfinite(value).all()):
        raise InvalidArgument(f"{WEIGHTS}: {name} holds NaN or infinite weights", field=name)
    return value
