"""What an adapter learnt, as a folder of Hugging Face's PEFT, which ``colonnade models import`` reads."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from colonnade.errors import InvalidArgument
from colonnade.learn.tuning.adapting import Sites, parts
from colonnade.learn.tuning.settings import AdapterTuning
from colonnade.models.adapters.peft import CONFIG, WEIGHTS, tensor_name
from colonnade.models.convert.write import flush, staged


def write_adapter(learnt: Mapping[str, Tensor], sites: Sites, settings: AdapterTuning, out: Path) -> None:
    """Fills the new folder ``out``, or leaves nothing behind. ``learnt`` are a model's own tensors by name.

    Raises ``InvalidArgument`` for weights that are not finite, ``AlreadyExists`` where ``out`` holds
    something."""
    tensors: dict[str, Tensor] = {}
    for name, pair in parts(learnt, sites).items():
        for letter, value in zip("AB", pair, strict=True):
            if not bool(torch.isfinite(value).all()):
                raise InvalidArgument(f"the part of {name} holds NaN or infinite weights", field=name)
            tensors[tensor_name(name, letter)] = value.detach().cpu().contiguous()
    with staged(out) as folder:
        save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
        said = json.dumps(_described(sites, settings), indent=2)
        (folder / CONFIG).write_text(said + "\n", encoding="utf-8")
        flush(folder)


def _described(sites: Sites, settings: AdapterTuning) -> dict[str, object]:
    """As PEFT says it. Where the base lies is the reader's to know."""
    targets = settings.targets or {name.rpartition(".")[2] for name in sites}
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": None,
        "r": settings.rank,
        "lora_alpha": settings.alpha,
        "lora_dropout": settings.dropout,
        "use_rslora": settings.rank_stabilised,
        "target_modules": sorted(targets),
        "bias": "none",
        "fan_in_fan_out": False,
        "init_lora_weights": True,
        "inference_mode": True,
    }
