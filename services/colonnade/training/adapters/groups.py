"""The groups of workers that an attempt had: one more is worth it as long as they get further.

<job>/attempts/0001.groups    a line for each that began: the newest checkpoint that it found
"""

from colonnade.errors import Code
from colonnade.training.adapters.job_folder import JobFolder
from colonnade.training.adapters.last_words import say_last


def may_begin(folder: JobFolder, attempt: int, most_lost: int) -> bool:
    """Notes that another group begins; False after more than ``most_lost`` that left no newer checkpoint."""
    path, newest = folder.of_attempt(attempt, "groups"), _newest(folder)
    before = path.read_text().splitlines() if path.exists() else []
    vain = 0
    while vain < len(before) and before[-1 - vain] == newest:
        vain += 1
    if vain > most_lost:
        words = f"no group of workers got to a checkpoint ({vain} in a row)"
        say_last(folder.of_attempt(attempt, "out"), Code.UNAVAILABLE, words)
        return False
    with path.open("a") as file:
        file.write(f"{newest}\n")
    return True


def _newest(folder: JobFolder) -> str:
    kept = folder.run / "checkpoints"
    names = (each.name for each in kept.iterdir() if each.is_dir()) if kept.is_dir() else ()
    return max((name for name in names if not name.startswith(".")), default="none")
