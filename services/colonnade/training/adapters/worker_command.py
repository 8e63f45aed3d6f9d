"""What a worker is, wherever it runs: the command of training, in the job's folder."""

import sys
from collections.abc import Mapping, Sequence

from colonnade.training.adapters.job_folder import JobFolder

COMMAND = (sys.executable, "-P", "-m", "colonnade.learn", "run")
SURROUNDINGS: Mapping[str, str] = {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
"""Of its environment, what is the same everywhere."""


def worker_command(command: Sequence[str], folder: JobFolder, threads: int) -> tuple[str, ...]:
    """``threads`` of torch; 0: as many as it takes."""
    said = ("--threads", str(threads)) if threads else ()
    return (*command, str(folder.recipe), "--out", str(folder.run), *said)
