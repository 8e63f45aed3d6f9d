"""A LoRA adapter for the tiny model, in PEFT's layout, strong enough to change what it says."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

_SHAPES = {"self_attn.q_proj": (32, 32), "self_attn.o_proj": (32, 32), "mlp.down_proj": (32, 64)}
"""Outputs and inputs of layers of ``tiny_model.write_tiny_llama``."""


def write_tiny_adapter(folder: Path, *, seed: int = 0, rank: int = 4, layers: int = 2) -> Path:
    """Writes adapter_config.json and adapter_model.safetensors; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": rank, "lora_alpha": 2 * rank, "bias": "none",
        "target_modules": sorted(name.rpartition(".")[2] for name in _SHAPES), "lora_dropout": 0.0,
        "use_rslora": False, "use_dora": False, "modules_to_save": None, "init_lora_weights": True,
    }  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(config))
    random, tensors = torch.Generator().manual_seed(seed), {}
    for layer in range(layers):
        for name, (outputs, inputs) in _SHAPES.items():
            place = f"base_model.model.model.layers.{layer}.{name}"
            tensors[f"{place}.lora_A.weight"] = torch.randn(rank, inputs, generator=random) * 0.3
            tensors[f"{place}.lora_B.weight"] = torch.randn(outputs, rank, generator=random) * 0.3
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    return folder
