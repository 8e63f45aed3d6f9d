"""LoRA adapters with random weights for tests: as files that PEFT would write, and merged into a model."""

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from colonnade.models.adapters import AdapterBank, Site
from colonnade.models.adapters.bank import Parts
from colonnade.models.adapters.peft import CONFIG, WEIGHTS, read_parts, tensor_name
from colonnade.models.families.transformer import Transformer

ALL = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def config(rank: int = 4, **more: Any) -> dict[str, Any]:
    """What PEFT 0.21 writes for plain LoRA, less what is null."""
    return {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": rank, "lora_alpha": 2 * rank, "bias": "none",
        "target_modules": list(ALL), "lora_dropout": 0.05, "use_rslora": False, "use_dora": False,
        "modules_to_save": None, "init_lora_weights": True, "rank_pattern": {}, "alpha_pattern": {},
        "megatron_core": "megatron.core", "loftq_config": {}, "fan_in_fan_out": False,
        "qalora_group_size": 16, "base_model_name_or_path": "somewhere/else", "inference_mode": True,
    } | more  # fmt: skip


def tensors(
    sites: Mapping[str, Site], rank: int = 4, targets: Sequence[str] = ALL, seed: int = 0, size: float = 0.2
) -> dict[str, Tensor]:
    random, made = torch.Generator().manual_seed(seed), {}
    for name, site in sites.items():
        if name.rpartition(".")[2] in targets:
            made[tensor_name(name, "A")] = torch.randn(rank, site.inputs, generator=random) * size
            made[tensor_name(name, "B")] = torch.randn(site.outputs, rank, generator=random) * size
    return made


def write(
    folder: Path, sites: Mapping[str, Site], rank: int = 4, *, config_more: Mapping[str, Any] | None = None,
    **more: Any,
) -> Path:  # fmt: skip
    """A folder as PEFT saves it; ``more`` as for ``tensors``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(json.dumps(config(rank, **config_more or {})))
    save_file(tensors(sites, rank, **more), folder / WEIGHTS, metadata={"format": "pt"})
    return folder


def files(folder: Path) -> dict[str, Path]:
    return {path.name: path for path in folder.iterdir()}


def parts(folder: Path, bank: AdapterBank) -> Parts:
    return read_parts(files(folder), bank.sites, dtype=torch.float32, device="cpu")


def merged(model: Transformer, adapter: Parts) -> Transformer:
    """A copy of the model with B A added to its weights."""
    whole = copy.deepcopy(model)
    for name, part in adapter.items():
        layer = whole.get_submodule(model.adapters.sites[name].module)
        assert isinstance(layer, torch.nn.Linear)
        with torch.no_grad():
            layer.weight += part.dense()
    return whole
