"""What trains a model on this machine: it outlives the service that started it, and the platform."""

import os
from collections.abc import Mapping
from contextlib import suppress

import psutil

from colonnade.supervise.home import Home

MARK = "COLONNADE_TRAINING_WORKER"
"""The variable that says of which job, and of which attempt at it, a process is."""


def going_on(home: Home) -> Mapping[str, int]:
    """Jobs whose folders lie in ``home``, each with the process that leads its worker's session."""
    found = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            job = process.environ().get(MARK, "").partition("/")[0]
            leads = job and os.getsid(process.pid) == process.pid
            if leads and any(part.startswith(f"{home.data('training')}/") for part in process.cmdline()):
                found[job] = process.pid
    return found
