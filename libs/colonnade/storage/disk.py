"""What files need to be there after a power cut, and what to say where a disk is full."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from colonnade.errors import Unavailable


def sync_folder(path: Path) -> None:
    """The names in a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def full_disk_named(whose: str, remedy: str) -> Iterator[None]:
    """A full disk is a refusal that says whose it is and what to do; every other error stays what it is."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Unavailable(f"{whose} disk is full; {remedy}") from error
