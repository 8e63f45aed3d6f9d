"""Which number an engine has among those of one machine: it says its address, its ports and its folder.

A number is held by a lock that the kernel lets go of when its last holder dies, however it dies. So the
engine that replaces a dead one gets the same number: the address under which it was known, and what the dead
one wrote down about the request that killed it (``docs/adr/0010``).
"""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from colonnade.errors import Conflict
from colonnade.supervise.replicas import MOST


@dataclass(frozen=True, slots=True)
class Slot:
    """Held by this process and by each child that inherited ``descriptor``, until the last has ended."""

    number: int
    descriptor: int


def take(folder: Path, most: int = MOST) -> Slot:
    """The lowest number that nobody has. Raises ``Conflict`` where all are taken."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for number in range(most):
        descriptor = os.open(folder / f"engine-{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        else:
            return Slot(number, descriptor)
    raise Conflict(f"{most} engines run on this machine already", limit=most)
