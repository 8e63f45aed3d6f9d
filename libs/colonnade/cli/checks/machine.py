"""Is this machine big enough, and are its cores used well?"""

import os
import resource
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from colonnade.cli.checks.finding import Finding, fail, ok, warn
from colonnade.cli.terminal import human_bytes
from colonnade.supervise.home import Home
from colonnade.supervise.machine import memory_limit, usable_cpus

_GB = 1000**3
_MEMORY_WARN, _MEMORY_FAIL = 2 * _GB, 1 * _GB
_DISK_WARN, _DISK_FAIL = 5 * _GB, 1 * _GB
_COMPILERS = ("c++", "g++", "clang++")
_FILES = 1024


def look(home: Home, *, running: bool) -> Iterator[Finding]:
    yield cpus(usable_cpus(), os.cpu_count() or 1, os.environ)
    yield memory(available_memory(), running=running)
    yield disk(home)
    yield open_files()
    yield compiler()


def cpus(usable: int, all_cpus: int, environ: Mapping[str, str]) -> Finding:
    said = environ.get("OMP_NUM_THREADS")
    told = f"{usable} of {all_cpus} processors usable"
    if said is None:
        return ok("cpu", f"{told}; the engine computes with {usable} threads")
    if not said.isdigit() or int(said) > usable:
        return warn(
            "cpu",
            f"{told}, but OMP_NUM_THREADS is {said}",
            "unset OMP_NUM_THREADS; threads without a core of their own slow each other down",
        )
    return ok("cpu", f"{told}; the engine computes with {said} threads (OMP_NUM_THREADS)")


def memory(available: int, *, running: bool) -> Finding:
    told = f"{human_bytes(available)} available"
    remedy = "close other programs, or give this machine or container more memory"
    if available < _MEMORY_FAIL and not running:
        return fail("memory", f"{told}; the bundled model needs 1 GB, others more", remedy)
    if available < _MEMORY_WARN and not running:
        return warn("memory", f"{told}; enough for the bundled model, not for much more", remedy)
    return ok("memory", told)


def available_memory(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """What the machine has left, or the container if that is less (cgroup v2)."""
    left = int(psutil.virtual_memory().available)
    try:
        if limit := memory_limit(cgroup / "memory.max"):
            left = min(left, limit - int((cgroup / "memory.current").read_text()))
    except (OSError, ValueError):
        pass
    return max(0, left)


def disk(home: Home) -> Finding:
    """Free space where models are kept."""
    place = next(folder for folder in (home.root, *home.root.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    told = f"{human_bytes(free)} free where COLONNADE_HOME is"
    remedy = "make room, or choose another folder with COLONNADE_HOME"
    if free < _DISK_FAIL:
        return fail("disk", told, remedy)
    if free < _DISK_WARN:
        return warn("disk", f"{told}; a model of 1B parameters takes 4 GB", remedy)
    return ok("disk", told)


def open_files() -> Finding:
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _FILES:
        return warn("files", f"only {soft} files may be open at once", f"ulimit -n {_FILES}, or more")
    return ok("files", "enough files may be open at once")


def compiler() -> Finding:
    """What the engine builds its native kernels with."""
    if found := next((name for name in _COMPILERS if shutil.which(name)), None):
        return ok("compiler", f"{found} builds the engine's kernels for this processor")
    remedy = "install a C++ compiler: g++ or clang++"
    return warn("compiler", "no C++ compiler: the engine computes several times slower", remedy)
