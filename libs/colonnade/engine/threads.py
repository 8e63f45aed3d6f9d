"""How many threads torch gets: chosen once, on purpose."""

import math
import os
from pathlib import Path

import psutil
import torch


def default_threads() -> int:
    """Physical cores that this process may use: matrix products gain nothing from hyper-threads."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    physical = psutil.cpu_count(logical=False) or allowed
    return max(1, min(allowed, physical, quota(Path("/sys/fs/cgroup/cpu.max"))))


def quota(cpu_max: Path) -> int:
    """The control group's limit in whole cores, as containers have one; very large where there is none."""
    try:
        share, period = cpu_max.read_text().split()
        return max(1, math.ceil(int(share) / int(period)))
    except (OSError, ValueError):
        return 1 << 16


def claim(threads: int) -> int:
    """Sets torch's threads for this process: ``threads``, or the default if 0. Call once, before any work."""
    chosen = threads or default_threads()
    torch.set_num_threads(chosen)
    torch.set_num_interop_threads(1)
    return chosen
