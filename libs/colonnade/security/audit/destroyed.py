"""Which keys of people were destroyed, in a file apart from the keys: a backup of those brings none back.

Lines of hexadecimal ids, which were drawn at random and name nobody; the file is only ever added to. A line
that a kill cut off is passed over: its key was not destroyed yet.
"""

import os
import re
from pathlib import Path

_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


def destroyed(file: Path) -> frozenset[str]:
    """Their ids; none where there is no file."""
    lines = file.read_text("ascii", errors="replace").splitlines() if file.exists() else ()
    return frozenset(line for line in lines if _ID.fullmatch(line))


def note_destroyed(file: Path, key_id: str) -> None:
    """On the disk when it returns. Begins with a line break: what stands before may have been cut off."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, f"\n{key_id}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
