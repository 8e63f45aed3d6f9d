"""Reads a rollout's plan from a file."""

import json
from pathlib import Path
from typing import Any

from colonnade.errors import InvalidArgument
from colonnade.security.inputs import read_bounded

_MOST_BYTES = 64 * 1024


def read_plan(path: Path) -> dict[str, Any]:
    """As a policy's file has it; what the policy is described as is no part of the plan."""
    import yaml

    text = read_bounded(path, _MOST_BYTES, "plan")
    try:
        plan = yaml.safe_load(text)
        json.dumps(plan, allow_nan=False)
    except (yaml.YAMLError, RecursionError, TypeError, ValueError):
        raise InvalidArgument(
            f"{path.name} is not a plan in YAML; see docs/rollouts.md", field="plan"
        ) from None
    if not isinstance(plan, dict):
        raise InvalidArgument(f"{path.name} must hold fields such as gates and steps", field="plan")
    plan.pop("description", None)
    return plan
