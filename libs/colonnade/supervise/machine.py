"""What of this machine is ours to use: less, in a container, than there is."""

import math
import os
from pathlib import Path

import psutil

_CPU_LIMIT = Path("/sys/fs/cgroup/cpu.max")
_MEMORY_LIMIT = Path("/sys/fs/cgroup/memory.max")


def usable_cpus(limit: Path = _CPU_LIMIT) -> int:
    """Physical cores that this process may use: not those of other people's containers or taskset, nor
    hyper-threads, from which matrix products gain nothing."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    physical = psutil.cpu_count(logical=False) or allowed
    return max(1, min(allowed, physical, _cpu_quota(limit) or allowed))


def usable_memory(limit: Path = _MEMORY_LIMIT) -> int:
    """Bytes of memory, or the control group's limit where that is less."""
    total = int(psutil.virtual_memory().total)
    return min(total, memory_limit(limit) or total)


def memory_limit(limit: Path = _MEMORY_LIMIT) -> int | None:
    """The control group's (version 2); None where there is none."""
    try:
        return int(limit.read_text())
    except (OSError, ValueError):  # no such file, or "max"
        return None


def _cpu_quota(path: Path) -> int | None:
    """The control group's limit in whole cores, rounded up."""
    try:
        quota, period = path.read_text().split()
        return math.ceil(int(quota) / int(period))
    except (OSError, ValueError, ZeroDivisionError):  # no such file, or "max"
        return None
