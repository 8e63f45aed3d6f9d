"""What a conversion has left in its folder, looked at with suspicion."""

import os
import stat
from pathlib import Path

from colonnade.errors import Internal
from colonnade.registry.domain import MAX_ARTEFACTS

DESCRIPTION = "colonnade.json"


def files_below(folder: Path) -> dict[str, Path]:
    """Every file by its path inside the folder. Raises ``Internal`` for anything but regular files."""
    found: dict[str, Path] = {}
    for here, _, names in os.walk(folder, onerror=_give_up):
        for name in names:
            path = Path(here) / name
            if not stat.S_ISREG(path.lstat().st_mode):
                raise Internal("the conversion left something that is not a regular file")
            found[path.relative_to(folder).as_posix()] = path
        if len(found) > MAX_ARTEFACTS:
            raise Internal(f"the conversion left more than {MAX_ARTEFACTS} files")
    if DESCRIPTION not in found:
        raise Internal(f"the conversion left no {DESCRIPTION}")
    return found


def _give_up(error: OSError) -> None:
    reason = os.strerror(error.errno) if error.errno else "unknown"
    raise Internal(f"what the conversion left cannot be read: {reason}") from error
