"""Could engines run under Ray? Only a trial starts it: that takes seconds."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata

from colonnade.cli.checks.finding import Finding, fail, ok, warn
from colonnade.cli.checks.machine import available_memory
from colonnade.cli.terminal import human_bytes
from colonnade.supervise.home import MAX_SOCKET_PATH, Home

_NEEDS = 1000**3
"""Bytes that Ray's own processes take, all together."""
_TRIAL = "colonnade.serving.trial"
_TRIAL_SECONDS = 120.0
_REMEDY = "see docs/ray.md"


def look(home: Home, *, trial: bool) -> Iterator[Finding]:
    if importlib.util.find_spec("ray") is None:
        install = "pip install 'colonnade[ray]'"
        if trial:
            yield fail("ray", "not installed", install)
        else:
            yield ok("ray", f"not installed; only colonnade up --ray needs it: {install}")
        return
    yield ok("ray", metadata.version("ray"))
    yield sockets(home)
    yield memory(available_memory())
    if trial:
        yield start()


def sockets(home: Home) -> Finding:
    folder = os.environ.get("COLONNADE_SERVING_RAY_DIR")
    length = home.ray_socket_length(folder)
    if length > MAX_SOCKET_PATH:
        return warn(
            "ray",
            f"COLONNADE_HOME is too long for Ray's sockets ({length} bytes, at most {MAX_SOCKET_PATH})",
            "name a short folder in COLONNADE_SERVING_RAY_DIR",
        )
    return ok("ray", "there is room for its sockets' names")


def memory(available: int) -> Finding:
    told = f"{human_bytes(available)} available"
    if available < _NEEDS:
        remedy = "close other programs, or run colonnade up without --ray"
        return warn("ray", f"{told}; a cluster takes 1 GB beside its engines", remedy)
    return ok("ray", f"{told}, of which a cluster takes up to 1 GB beside its engines")


def start(module: str = _TRIAL) -> Finding:
    """A cluster of this machine, or the one that the settings name, for a moment."""
    try:
        done = subprocess.run(  # noqa: S603 - ours
            [sys.executable, "-P", "-m", module], capture_output=True, timeout=_TRIAL_SECONDS, check=False
        )
        answer = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return fail("ray", f"no cluster within {_TRIAL_SECONDS:.0f} s", _REMEDY)
    except (ValueError, IndexError):
        return fail("ray", f"the trial ended with status {done.returncode}", _REMEDY)
    if "error" in answer:
        return fail("ray", answer["error"], _REMEDY)
    return ok("ray", f"a cluster answers, with {answer['cpus']:g} processors")
