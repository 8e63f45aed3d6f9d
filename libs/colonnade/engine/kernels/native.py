"""The native library: built once for a machine and a version of the sources, then loaded.

Plain C functions over pointers, called through ctypes: no dependence on torch's headers or ABI, and a build
of seconds. OpenMP is the runtime that torch has loaded already, so both share one pool of threads.
"""

import ctypes
import hashlib
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import torch  # noqa: F401  (loads the OpenMP runtime that the library is to share)

from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_SOURCES = Path(__file__).parent / "cpp"
_FLAGS = (
    "-O3",
    "-march=native",
    "-std=c++20",
    "-fopenmp",
    "-fno-math-errno",
    "-ffp-contract=fast",
    "-shared",
    "-fPIC",
)
_COMPILERS = ("c++", "g++", "clang++")
_BUILD_SECONDS = 300


def default_folder() -> Path:
    return Path.home() / ".cache" / "colonnade" / "kernels"


@cache
def library(folder: Path | None = None) -> ctypes.CDLL | None:
    """The loaded library, built into ``folder`` if it is not there; None where it cannot be built."""
    compiler = next((path for name in _COMPILERS if (path := shutil.which(name))), None)
    if compiler is None:
        _LOG.warning("no C++ compiler found: the engine's reference kernels serve, more slowly")
        return None
    try:
        return ctypes.CDLL(str(_built(compiler, folder or default_folder())))
    except (OSError, subprocess.SubprocessError) as error:
        output = getattr(error, "stderr", None)
        _LOG.warning(
            "native kernels cannot be built: the reference kernels serve", output=output, exc_info=True
        )
        return None


def _built(compiler: str, folder: Path) -> Path:
    sources = sorted(_SOURCES.glob("*.cpp"))
    target = folder / f"{_key(compiler)}.so"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, suffix=".so", delete=False) as partial:
            building = Path(partial.name)
        try:
            command = [compiler, *_FLAGS, *map(str, sources), "-o", str(building)]
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=_BUILD_SECONDS)  # noqa: S603
            building.replace(target)  # whoever comes second replaces it by the same
        finally:
            building.unlink(missing_ok=True)
    return target


def _key(compiler: str) -> str:
    """Names a build by all that it depends on: sources, flags, compiler and processor."""
    digest = hashlib.sha256()
    for source in sorted(_SOURCES.iterdir()):
        digest.update(source.name.encode() + source.read_bytes())
    version = subprocess.run([compiler, "--version"], check=True, capture_output=True).stdout  # noqa: S603
    digest.update(repr((_FLAGS, version, _processor())).encode())
    return digest.hexdigest()[:32]


def _processor() -> str:
    """What ``-march=native`` looks at."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    wanted = ("model name", "flags", "Features", "CPU part")
    return "\n".join(sorted({line for line in lines if line.startswith(wanted)}))
