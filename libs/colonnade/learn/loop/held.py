"""How much memory a run holds."""

from pathlib import Path

import torch

_STATUS = Path("/proc/self/status")
_FIELD = "VmRSS:"


def held_bytes(device: torch.device) -> dict[str, float]:
    """``memory_bytes``: on a GPU what its tensors take at most so far, else what the process holds now. Empty
    where the system does not say."""
    if device.type == "cuda":
        return {"memory_bytes": float(torch.cuda.max_memory_allocated(device))}
    if not _STATUS.exists():
        return {}
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(_FIELD))
    return {"memory_bytes": float(line.split()[1]) * 1024}
