"""Could vLLM be the engine? It has an environment of its own, which is asked what it has."""

import os
import sys
from collections.abc import Iterator
from importlib import metadata

from colonnade.cli.checks.finding import Finding, fail, ok, warn
from colonnade.errors import ColonnadeError
from colonnade.supervise.interpreter import VLLM_BUILDS, check_vllm

VARIABLE = "COLONNADE_VLLM_PYTHON"


def look() -> Iterator[Finding]:
    named = os.environ.get(VARIABLE)
    if named or any(_installed(build) for build in VLLM_BUILDS):
        yield environment(named or sys.executable, _installed("colonnade"))
    else:
        yield ok("vllm", f"no environment is named in {VARIABLE}; only colonnade up --engine vllm needs one")


def environment(python: str, ours: str) -> Finding:
    try:
        found = check_vllm(python)
    except ColonnadeError as error:
        return fail("vllm", error.message, "see docs/vllm.md")
    if found.colonnade != ours:
        return warn(
            "vllm",
            f"{found.vllm}, but beside Colonnade {found.colonnade}; here it is {ours}",
            f"install there: pip install 'colonnade[vllm]=={ours}'",
        )
    return ok("vllm", f"{found.vllm}, beside Colonnade {found.colonnade}")


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
