"""What a run's arithmetic depends on besides its recipe.

On one machine at one number of threads a resumed run is bit-equal to one that was never stopped. Elsewhere
sums are taken in another order; then the run is as good, but not the same, and says so.
"""

import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import torch

from colonnade.learn.checkpoints.snapshot import Json
from colonnade.learn.differences import differences

_LIBRARIES = ("torch", "numpy", "safetensors")


def machine() -> dict[str, Json]:
    """Threads, processor, devices and versions of this process and machine."""
    return {
        "threads": torch.get_num_threads(),
        "cpu": _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "devices": [torch.cuda.get_device_name(device) for device in range(torch.cuda.device_count())],
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in _LIBRARIES},
    }


def elsewhere(stored: Mapping[str, Json], here: Mapping[str, Json]) -> list[str]:
    """A sentence for each fact of ``stored`` that is another one ``here``; empty: a resume is bit-exact."""
    return differences(stored, {name: value for name, value in here.items() if name in stored})


def _processor() -> str:
    """The model as Linux names it; elsewhere what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
