"""How large things may be, checked before they are read."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from colonnade.errors import InvalidArgument, NotFound, TooLarge

KIB = 1024
MIB = 1024 * KIB


def check_size(size: int, limit: int, field: str) -> int:
    """``size`` in bytes, when it is at most ``limit``; raises ``TooLarge``."""
    if size < 0:
        raise InvalidArgument(f"{field} has a negative size", field=field, limit=limit)
    if size > limit:
        raise TooLarge(
            f"{field} has {size} bytes; at most {limit} ({human(limit)}) are allowed",
            field=field,
            limit=limit,
        )
    return size


def check_count(count: int, limit: int, field: str) -> int:
    """``count`` of entries, when it is at most ``limit``; raises ``TooLarge``."""
    if count > limit:
        raise TooLarge(f"{field} has {count} entries; at most {limit} are allowed", field=field, limit=limit)
    return count


def open_regular(path: Path, limit: int, field: str) -> BinaryIO:
    """Opens a regular file of at most ``limit`` bytes for reading.

    The kind and the size are those of the file that was opened, not of what the name meant a moment before;
    a symbolic link as the last component, a pipe, a device or a socket is refused, and cannot make us wait.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFound(f"{field} does not exist", field=field) from None
    except (OSError, ValueError):
        raise InvalidArgument(f"{field} is not a file that can be read", field=field) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise InvalidArgument(f"{field} must be a regular file", field=field)
        check_size(status.st_size, limit, field)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_bounded(path: Path, limit: int, field: str) -> bytes:
    """The content of a regular file of at most ``limit`` bytes; one that grows meanwhile is refused.

    ``path`` is what ``confined`` returned: its last component is no symbolic link.
    """
    with open_regular(path, limit, field) as file:
        content = file.read(limit + 1)
    check_size(len(content), limit, field)
    return content


def human(size: int) -> str:
    """``size`` in bytes for people: ``1.5 MiB``."""
    amount = float(size)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < KIB:
            return f"{amount:.4g} {unit}"
        amount /= KIB
    return f"{amount:.4g} TiB"
