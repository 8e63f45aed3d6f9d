"""The native library: built once for a machine and a version of the sources, then loaded.

Plain C functions over pointers, called through ctypes: no dependence on torch's headers or ABI, and a build
of seconds. Its threads are its own (``cpp/team.h``).

Nothing here fails: where the library cannot be built or loaded, the log says once why, and the reference
kernels serve.
"""

import ctypes
import hashlib
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from threading import Lock

from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
SOURCES = Path(__file__).parent / "cpp"
_FLAGS = (
    "-O3",
    "-march=native",
    "-std=c++20",
    "-pthread",
    "-fno-math-errno",
    "-ffp-contract=fast",
    "-shared",
    "-fPIC",
)
_COMPILERS = ("c++", "g++", "clang++")
_BUILD_SECONDS = 300
_one_build_at_a_time = Lock()
_folder: Path | None = None


def keep_in(folder: Path | None) -> None:
    """Where builds of this process are kept, from before the first one on; None for the default."""
    global _folder
    _folder = folder.expanduser().absolute() if folder else None


def default_folder() -> Path:
    return Path.home() / ".cache" / "colonnade" / "kernels"


@cache
def library(folder: Path | None = None) -> ctypes.CDLL | None:
    """The loaded library, built if it is not in ``folder``; None where that cannot be. Decided once."""
    with _one_build_at_a_time:
        return _library(folder or _folder or default_folder(), SOURCES)


@cache
def _library(folder: Path, sources: Path) -> ctypes.CDLL | None:
    compiler = next((path for name in _COMPILERS if (path := shutil.which(name))), None)
    if compiler is None:
        _LOG.warning("no C++ compiler: the engine's reference kernels serve, several times slower")
        return None
    for place in _places(folder):
        try:
            return _loaded(compiler, place, sources)
        except PermissionError:
            _LOG.info("native kernels cannot be kept there: they are built again for this process")
        except (OSError, subprocess.SubprocessError, UnicodeError) as error:
            said = str(getattr(error, "stderr", None) or error)[-2000:]
            _LOG.warning("no native kernels: the reference kernels serve, several times slower", output=said)
            return None
    return None


def _places(folder: Path) -> Iterator[Path]:
    """The folder, then a new one of our own if that one is read-only."""
    yield folder
    with tempfile.TemporaryDirectory(prefix="colonnade-kernels-") as own:
        yield Path(own)  # what is loaded stays so when the file is gone


def _loaded(compiler: str, folder: Path, sources: Path) -> ctypes.CDLL:
    target = folder / f"{_key(compiler, sources)}.so"
    if target.exists():
        try:
            return ctypes.CDLL(str(target))
        except OSError:
            _LOG.warning("the kept native kernels are damaged: they are built again")
    _build(compiler, sources, target)
    return ctypes.CDLL(str(target))


def _build(compiler: str, sources: Path, target: Path) -> None:
    """Whole or not at all; of two processes that build at once, the second replaces the file by an equal."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, suffix=".partial", delete=False) as partial:
            building = Path(partial.name)
    except OSError as error:  # also of a read-only file system, or one that is full
        raise PermissionError(error.errno, "the folder of the builds cannot be written") from error
    try:
        files = map(str, sorted(sources.glob("*.cpp")))
        command = [compiler, *_FLAGS, *files, "-o", str(building)]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_BUILD_SECONDS)  # noqa: S603
        building.replace(target)
    finally:
        building.unlink(missing_ok=True)


def _key(compiler: str, sources: Path) -> str:
    """Names a build by all that it depends on: sources, flags, compiler and processor."""
    digest = hashlib.sha256()
    for source in sorted(sources.iterdir()):
        digest.update(source.name.encode() + source.read_bytes())
    version = subprocess.run(  # noqa: S603
        [compiler, "--version"], check=True, capture_output=True, timeout=_BUILD_SECONDS
    ).stdout
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
