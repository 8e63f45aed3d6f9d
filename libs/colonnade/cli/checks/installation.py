"""Is everything installed? Found on disk, not imported: torch alone would take seconds."""

import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from colonnade.cli.checks.finding import Finding, fail, ok, warn
from colonnade.storage.bundled import DEFAULT, MODELS

_OLDEST = (3, 11)
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "gateway": ("fastapi", "uvicorn", "sqlalchemy", "aiosqlite"),
    "registry": ("sqlalchemy", "aiosqlite", "alembic"),
    "training": ("sqlalchemy", "aiosqlite", "alembic"),
    "console": ("nicegui",),
    "engine": ("torch", "safetensors", "tokenizers", "jinja2"),
    "learn": ("torch", "safetensors", "tokenizers", "jinja2", "datasketch", "pyarrow", "pytorch_optimizer"),
    "convert": ("torch", "safetensors", "tokenizers", "gguf"),
}
_OPTIONAL = frozenset({"console", "learn"})
"""The platform runs without them: without its console, and without starting runs."""
_BUNDLED = MODELS[DEFAULT]


def look() -> Iterator[Finding]:
    yield python(sys.version_info[:3])
    yield from parts()
    yield torch_build()
    yield bundled_model()


def python(version: tuple[int, ...]) -> Finding:
    told = ".".join(str(number) for number in version)
    if version < _OLDEST:
        return fail("python", f"Python {told} is too old", "install Python 3.11 or newer")
    return ok("python", f"Python {told}")


def parts(needs: Mapping[str, tuple[str, ...]] = _NEEDS) -> Iterator[Finding]:
    for part, modules in needs.items():
        missing = [module for module in modules if importlib.util.find_spec(module) is None]
        if missing:
            yield (warn if part in _OPTIONAL else fail)(
                "parts",
                f"{part} cannot start: {', '.join(missing)} not installed",
                f"pip install 'colonnade[{part}]'",
            )
        else:
            yield ok("parts", f"{part} is installed")


def torch_build(devices: Path = Path("/dev")) -> Finding:
    """A CUDA build on a machine without a GPU works, and takes gigabytes for nothing."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return fail("torch", "not installed", "pip install 'colonnade[engine]'; a CPU build is enough")
    source = Path(spec.origin).with_name("version.py").read_text()
    version = _assigned("__version__", source) or "of unknown version"
    cuda = _assigned("cuda", source)
    if cuda is None:
        return ok("torch", f"{version}, a CPU build")
    if any(devices.glob("nvidia[0-9]*")):
        return ok("torch", f"{version}, for CUDA {cuda}")
    return warn(
        "torch",
        f"{version} is built for CUDA {cuda}, and there is no NVIDIA device here",
        "it works; a CPU build is much smaller (see README: COLONNADE_TORCH_INDEX)",
    )


def _assigned(name: str, source: str) -> str | None:
    found = re.search(rf"^{name}(?::[^=\n]+)?\s*=\s*'([^']+)'", source, re.MULTILINE)
    return found.group(1) if found else None


def bundled_model(distribution: str = _BUNDLED.package) -> Finding:
    try:
        files = metadata.distribution(distribution).files or ()
    except metadata.PackageNotFoundError:
        return warn("model", "the bundled model is not installed", _BUNDLED.remedy)
    if any(str(file).endswith(_BUNDLED.file) and Path(str(file.locate())).exists() for file in files):
        return ok("model", "the bundled model is installed")
    return fail("model", "the bundled model's file is missing", _BUNDLED.remedy)
