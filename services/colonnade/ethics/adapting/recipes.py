"""The recipe of an adaptation's training: DPO beside a small LoRA, merged into a version of the same name."""

import json

from colonnade.ethics.adapting.domain.adaptations import Adaptation

RANK = 8
_LONGEST = 512
"""Tokens of a prompt with an answer; longer pairs are left out."""


def recipe_of(adaptation: Adaptation, path: str) -> str:
    """YAML (as JSON, which is YAML); ``path`` is of the pairs' file."""
    plan, version = adaptation.plan, adaptation.version
    said = {
        "name": f"adapt-{adaptation.id.rpartition('_')[2][:24]}",
        "description": f"Ethical adaptation {adaptation.id} of {version}.",
        "seed": 1,
        "model": {"from": f"registry:{version}"},
        "tuning": {"kind": "lora", "rank": RANK, "alpha": 2 * RANK},
        "objective": {"kind": "dpo", "beta": 0.1},
        "examples": {
            "kind": "preferences",
            "validation": 0,
            "sources": [{"name": "pairs", "paths": [path], "longest": _LONGEST}],
        },
        "batch": {"tokens": _LONGEST, "rows": 4},
        "steps": plan.steps,
        "optimiser": {"name": "adamw", "learning_rate": 5e-5, "weight_decay": 0},
        "schedule": {"kind": "cosine", "warm_up": min(5, plan.steps // 2)},
        "checkpoints": {"every": max(1, plan.steps // 2), "keep": 1},
        "output": {"model": plan.model, "merged": True},
    }
    return json.dumps(said, indent=1)
